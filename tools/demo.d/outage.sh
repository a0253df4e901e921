#!/usr/bin/env bash
# A partner that is down while 500 messages come for it; tools/demo tells it.
# shellcheck disable=SC2034,SC2154  # What tools/demo uses, and has set.

printf '%sA partner is down%s\n' "$bold" "$plain"
say <<'TEXT'
MondoCam sells cameras, Lenswerk makes the lenses for them, and their help desks share tickets. One day Lenswerk is down.
TEXT

two_shareledgers
an_agreement

# waiting: how many deliveries of MondoCam have not ended.
waiting() {
    ask mondocam 'SELECT count(*) FROM audit.delivery WHERE finished_at IS NULL'
}

# drained_to COUNT: whether no more than that many are left.
drained_to() {
    [ "$(waiting)" -le "$1" ]
}

# is_out: whether MondoCam knows that Lenswerk does not answer.
is_out() {
    SHARELEDGER_DATA=mondocam shareledger status --json | grep --quiet '"state":"out"'
}

chapter "Lenswerk goes down"
run lenswerk <<<"kill -TERM ${service[lenswerk]}"
wait "${service[lenswerk]}" 2>/dev/null || true
say <<<"MondoCam's help desk goes on: it shares 100 tickets and updates each of them four times."
run mondocam <<<"lenswerk=http://127.0.0.1:${private_port[mondocam]}/to/lenswerk"
run mondocam <<<"token=\"X-Ticket-Sharing-Token: \$(shareledger agreement token ${agreement:0:4})\""
run mondocam <<'TEXT'
for n in {1..100}; do
    curl -f $lenswerk/tickets/t$n -H "$token" --json "{\"uuid\": \"t$n\", \"subject\": \"Lens $n\", \"status\": \"open\"}"
    for m in {1..4}; do
        curl -f -X PUT $lenswerk/tickets/t$n -H "$token" --json "{\"comments\": [{\"uuid\": \"t$n-$m\", \"body\": \"Note $m\"}]}"
    done
done
TEXT
await 60 is_out || die 70 "nobody notices"
say <<<'All 500 are stored, and wait in order. This is what the operator sees:'
run mondocam <<<'shareledger status'
say <<<'One request at a time finds out whether Lenswerk is back; none of the others uses up a try meanwhile.'
run mondocam <<<'shareledger delivery list | head -n 4'
run mondocam <<<'shareledger partner show lenswerk'

chapter "It comes back"
start lenswerk
wait_until_ready lenswerk
say <<<'Lenswerk calls to say so, and MondoCam does not wait for the next request that would find out.'
run mondocam <<<'shareledger partner resume lenswerk'
await 60 drained_to 400 || die 70 "nothing drains"
run mondocam <<<'shareledger status'
deliver mondocam
say <<<'Everything has arrived, and each ticket in order. What happened to Lenswerk meanwhile is on record:'
run mondocam <<<'shareledger history --type partner.state_changed'
run mondocam <<<'shareledger status'

chapter "Send it again"
say <<'TEXT'
Lenswerk is not sure about its backup and asks for everything once more, but slowly. Tickets as they stand are the safe way:
one request each, and what is known already is ignored. A plan comes first; nothing is recorded for it.
TEXT
run mondocam <<<'shareledger replay plan --partner lenswerk --mode state --rate 20 | head -n 4'
run mondocam <<<"shareledger replay start --partner lenswerk --mode state --rate 20 --reason 'their backup' | head -n 1"
[[ $said =~ watch\ ([0-9]+) ]] || die 70 "nobody says which replay it is"
replay=${BASH_REMATCH[1]}
await 60 is_true mondocam "SELECT count(*) >= 10 FROM audit.delivery WHERE replay = $replay AND state = 'delivered'" \
    || die 70 "the replay does not begin"
say <<<'It is too much for them at this hour.'
run mondocam <<<"shareledger replay pause $replay --reason 'they ask us to wait'"
say <<<"Then MondoCam's own service is killed, with no time for anything, and started again."
run mondocam <<<"kill -KILL ${service[mondocam]}"
wait "${service[mondocam]}" 2>/dev/null || true
start mondocam
wait_until_ready mondocam
run mondocam <<<"shareledger replay show $replay"
say <<<'Nothing is lost, and it is still paused. In the evening it goes on.'
run mondocam <<<"shareledger replay resume $replay"
run mondocam <<<"shareledger replay watch $replay"
say <<<'Who asked for what, and why, stands in the ledger as well.'
run mondocam <<<'shareledger history --type replay'

chapter "Did it end well?"
for ticket in t1 t100; do
    share=${agreement:0:4}/$ticket
    check '' ''
done
run mondocam <<<"shareledger doctor | grep -E '^[A-Z]+ +(ledger|gaps|leaves|deliveries) '"
run lenswerk <<<"shareledger doctor | grep -E '^[A-Z]+ +(ledger|gaps|leaves|deliveries) '"
say <<TEXT
${bold}It ended well: both sides hold the same tickets,${plain} and nothing is missing in either ledger.
TEXT
