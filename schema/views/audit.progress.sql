-- How far the views are that follow the ledger: audit.ticket, audit.comment, audit.attachment and audit.search.
DROP VIEW IF EXISTS audit.progress;
CREATE VIEW audit.progress AS
SELECT
    l.position AS last_position,
    l.recorded_at AS last_recorded_at,
    f.next_position - 1 AS followed_position,
    greatest(l.position + 1 - f.next_position, 0) AS behind,
    (SELECT count(*) FROM projection.unfolded) AS unfolded
FROM projection.follower AS f
LEFT JOIN LATERAL (
    SELECT e.position, e.recorded_at
    FROM ledger.event AS e
    ORDER BY e.position DESC
    LIMIT 1
) AS l ON true
WHERE f.name = 'ticket';

COMMENT ON VIEW audit.progress IS 'How far the views are that follow the ledger (ticket, comment, attachment, search); all others read the ledger itself';
COMMENT ON COLUMN audit.progress.last_position IS 'Position of the last event';
COMMENT ON COLUMN audit.progress.last_recorded_at IS 'When it was recorded';
COMMENT ON COLUMN audit.progress.followed_position IS 'Position up to which these views hold everything';
COMMENT ON COLUMN audit.progress.behind IS 'Events that they do not hold yet';
COMMENT ON COLUMN audit.progress.unfolded IS 'Messages that could not be folded: their tickets stand as if these had not come';
