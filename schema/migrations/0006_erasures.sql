-- Whether a part that is not there was erased is asked of the few events that erase, wherever they are.
CREATE INDEX event_erasure ON ledger.event (position) WHERE type = 'payload.erased';
