#!/usr/bin/env bash
# A ticket that two help desks share, from its invitation to its end; tools/demo tells it.
# shellcheck disable=SC2154  # What tools/demo has set.

printf '%sA ticket that two help desks share%s\n' "$bold" "$plain"
say <<'TEXT'
MondoCam sells cameras, Lenswerk makes the lenses for them. Now and then a customer's ticket concerns both. Moving it to
the other help desk would lose it; so they share it, and each puts a ShareLedger between its help desk and the other.
TEXT

two_shareledgers
an_agreement

chapter "A ticket is shared"
say <<'TEXT'
A customer writes to MondoCam about a lens. MondoCam's help desk shares the ticket. It knows Lenswerk by an address of its
own ShareLedger, and sends the agreement's token along, as any ticket-sharing client does.
TEXT
ticket=$(printf mondocam.example/sharing/tickets/10482 | sha1sum | cut -c 1-40)
share=${agreement:0:4}/${ticket:0:4}
run mondocam <<<"lenswerk=http://127.0.0.1:${private_port[mondocam]}/to/lenswerk ticket=$ticket"
run mondocam <<<"token=\"X-Ticket-Sharing-Token: \$(shareledger agreement token ${agreement:0:4})\""
run mondocam 201 <<TEXT
curl -i \$lenswerk/tickets/\$ticket -H "\$token" --json '{
    "uuid": "$ticket", "original_id": "10482",
    "subject": "50 mm lens: autofocus hunts at f/1.4", "status": "open", "tags": ["lens", "autofocus"],
    "requester": {"uuid": "customer-77", "name": "A customer", "role": "end-user"},
    "comments": [
        {"uuid": "10482-1", "body": "In low light my new lens never finds the focus.",
         "author": {"uuid": "customer-77", "name": "A customer", "role": "end-user"}},
        {"uuid": "10482-2", "body": "The third one of this batch.", "public": false,
         "author": {"uuid": "desk", "name": "MondoCam", "role": "agent"}}
    ]}'
TEXT
deliver mondocam
say <<<'Answered means stored for good, under that position. A moment later Lenswerk has it.'
run lenswerk <<<'shareledger ticket list'

chapter "Both work on it"
say <<<"Lenswerk's help desk asks back, MondoCam's answers. Each change goes to its own ShareLedger, and from there to the other."
run lenswerk <<<"mondocam=http://127.0.0.1:${private_port[lenswerk]}/to/mondocam ticket=$ticket"
run lenswerk <<<"token=\"X-Ticket-Sharing-Token: \$(shareledger agreement token ${agreement:0:4})\""
run lenswerk 200 <<'TEXT'
curl -i -X PUT $mondocam/tickets/$ticket -H "$token" --json '{"status": "pending", "comments": [
    {"uuid": "L-1", "body": "Which serial number has it?",
     "author": {"uuid": "lab", "name": "Lenswerk", "role": "agent"}}]}'
TEXT
deliver lenswerk
run mondocam 200 <<'TEXT'
curl -i -X PUT $lenswerk/tickets/$ticket -H "$token" --json '{"status": "open", "comments": [
    {"uuid": "10482-3", "body": "LX-50-00913.",
     "author": {"uuid": "desk", "name": "MondoCam", "role": "agent"}}]}'
TEXT
deliver mondocam
run lenswerk <<<"shareledger ticket show $share"

chapter "The supplier goes down"
say <<'TEXT'
Lenswerk's service is killed, with no time for anything. MondoCam's help desk goes on and notices nothing.
TEXT
run lenswerk <<<"kill -KILL ${service[lenswerk]}"
wait "${service[lenswerk]}" 2>/dev/null || true
run mondocam 200 <<'TEXT'
curl -i -X PUT $lenswerk/tickets/$ticket -H "$token" --json '{"comments": [
    {"uuid": "10482-4", "body": "I travel on Friday and need the lens by Thursday.",
     "author": {"uuid": "customer-77", "name": "A customer", "role": "end-user"}}]}'
TEXT
run mondocam 200 <<'TEXT'
curl -i -X PUT $lenswerk/tickets/$ticket -H "$token" --json '{
    "status": "hold", "tags": ["lens", "autofocus", "urgent"]}'
TEXT
await 60 is_true mondocam 'SELECT max(attempts) >= 2 FROM audit.delivery WHERE finished_at IS NULL' \
    || die 70 "the delivery is not tried again"
moment=$(date -u +%FT%TZ)
say <<<'Both messages are safe, and wait in order. What waits, and why, is a question to the database:'
run mondocam <<'TEXT'
shareledger sql -- -c "SELECT message_position, message_type, state, attempts, error
    FROM audit.delivery WHERE finished_at IS NULL"
TEXT

chapter "It comes back and catches up"
start lenswerk
wait_until_ready lenswerk
deliver mondocam
say <<<'Nobody had to do anything: MondoCam tried again, and what had waited came in order.'
run mondocam <<'TEXT'
shareledger sql -- -c "SELECT message_position, message_type, state, attempts, finished_at
    FROM audit.delivery WHERE ticket IS NOT NULL"
TEXT
say <<<'Lenswerk sends a new lens and says so.'
run lenswerk 200 <<'TEXT'
curl -i -X PUT $mondocam/tickets/$ticket -H "$token" --json '{"status": "solved", "comments": [
    {"uuid": "L-2", "body": "A new lens is on its way.",
     "author": {"uuid": "lab", "name": "Lenswerk", "role": "agent"}}]}'
TEXT
deliver lenswerk
say <<<'Now both should hold the same ticket.'
check '' ''
say <<<"${bold}They do, to the byte.${plain}"

chapter "A dispute"
say <<TEXT
The lens came on Saturday. MondoCam says that it had written about Friday by then; Lenswerk says that nothing of Friday
stood in the ticket when the lens was packed, at $moment. MondoCam's ledger knows what Lenswerk held at that moment:
TEXT
run mondocam <<<"shareledger reconstruct $share --at $moment --view partner"
say <<<'No word of Friday: two messages had not been acknowledged. The attempts from then on say why, and when they were:'
run mondocam <<<"shareledger history $share --type attempt --from $moment"
say <<<"Lenswerk's own ledger comes to the same for that moment:"
check " --at $moment --view partner" " --at $moment"
say <<<'So both were right. And this is how much of it MondoCam has shared with whom:'
run mondocam <<'TEXT'
shareledger sql -- -x -c "SELECT partner, our_role, shared_now, first_at, last_at,
    messages_in, messages_out, public_comments_out, private_comments_out FROM audit.shared_with"
TEXT

chapter "Send it again"
say <<<'To be sure, MondoCam sends the whole share again. A plan comes first; nothing is recorded for it.'
run mondocam <<<"shareledger replay $share --dry-run"
say <<<"The plan warns: Lenswerk has solved the ticket since. So the replay ends with the ticket as it stands now."
run mondocam <<<"shareledger replay $share --then-state --reason 'dispute about Friday'"
deliver mondocam
say <<<'Lenswerk knows the four messages as repeats. The last one is the ticket as it stands, and changes nothing.'
run lenswerk <<<"shareledger history $share --direction in"
check '' ''

chapter "The end of it"
say <<<"MondoCam's help desk ends the share. Lenswerk keeps what it has, but nothing more goes over, in either direction."
run mondocam 200 <<'TEXT'
curl -i -X DELETE $lenswerk/tickets/$ticket -H "$token"
TEXT
deliver mondocam
run lenswerk <<<'shareledger ticket list --orphans'
say <<<'And MondoCam suspends the agreement. From now on messages are refused, and that is on record as well.'
run mondocam <<<"shareledger agreement deactivate ${agreement:0:4}"
deliver mondocam
run lenswerk 403 <<'TEXT'
curl -i -X PUT $mondocam/tickets/$ticket -H "$token" --json '{"status": "open"}'
TEXT

chapter "Did it end well?"
check '' ''
run mondocam <<<"shareledger doctor | grep -E '^[A-Z]+ +(ledger|gaps|leaves) '"
run lenswerk <<<"shareledger doctor | grep -E '^[A-Z]+ +(ledger|gaps|leaves) '"
say <<TEXT
${bold}It ended well: both sides hold the same ticket,${plain} and nothing is missing in either ledger.
TEXT
