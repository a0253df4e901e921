# From our own desk to partners. Read by tools/bench.
# shellcheck shell=bash disable=SC2154  # Options are set there.

# So many requests under way at once that 20 ms are no limit; then two that are slow, and one that goes away.
quick_partners=32
slow_partners=$quick_partners
away_partner=$((quick_partners + 2))
quick="first=0 last=$((quick_partners - 1)) tickets=256"
slow="first=$slow_partners last=$((slow_partners + 1))"

open_ledger 'shared_preload_libraries = pg_stat_statements'
sql postgres 'CREATE EXTENSION pg_stat_statements'

delivery_load=$(swift build --configuration release --show-bin-path)/DeliveryLoad
coproc LOAD { exec "$delivery_load" "$private_port" "$((away_partner + 1))" 65536 300; }
load_process=$LOAD_PID
exec {load_input}>&"${LOAD[1]}" {load_output}<&"${LOAD[0]}"

# tell WORDS...: a command to the desk and the partners, whose answer is then in $reply.
tell() {
    echo "$*" >&"$load_input"
    await_reply
}

await_reply() {
    IFS= read -r reply <&"$load_output" || die 70 "the load has ended"
}

# replied NAME: a number of the last reply.
replied() {
    local pattern=" $1=([^ ]*)"
    [[ " $reply" =~ $pattern ]] || die 70 "the load says '$reply'"
    echo "${BASH_REMATCH[1]}"
}

# expect_order: everything has come in order in every share, and again only where the ledger says that it may have.
expect_order() {
    local unknown
    tell state
    [ "$(replied misplaced)" -eq 0 ] || die 70 "$(replied misplaced) messages came out of order"
    unknown=$(sql shareledger "SELECT count(*) FROM ledger.event WHERE type = 'attempt.unknown'")
    [ "$(replied repeated)" -le "$unknown" ] || die 70 "$(replied repeated) messages came again, $unknown may have"
}

# offer WORDS...: has the desk say something; nothing of it may be refused.
offer() {
    tell offer workers=32 "$@"
    [ "$(replied refused)" -eq 0 ] || die 70 "$(replied refused) messages were refused"
}

# settle PARTNERS SECONDS: waits until all is delivered.
settle() {
    tell settle "$1" "seconds=$2"
    [ "$(replied left)" -eq 0 ] || die 70 "$(replied left) messages were not delivered in $2 s"
}

await_reply
read -r -a ports <<<"${reply#ports }"
# agree NUMBER PORT: a partner that we invite, and that accepts.
agree() {
    local name=load$1 invitation token
    "$shareledger" partner add "$name" --url "http://127.0.0.1:$2/sharing" --allow-http --allow-private-address \
        --data "$data" >/dev/null 2>&1
    "$shareledger" agreement invite "$name" --name MondoCam --json --data "$data" >"$directory/invitation" 2>/dev/null
    invitation=$(grep -o '"uuid":"[^"]*"' "$directory/invitation" | cut -d '"' -f 4)
    await 30 is_delivered || die 70 "partner $1 gets no invitation"
    token=$("$shareledger" agreement token "$invitation" --data "$data" 2>/dev/null)
    curl --silent --show-error --fail --max-time 30 --output /dev/null --request PUT \
        --header 'Content-Type: application/json' --header "X-Ticket-Sharing-Token: $token" \
        --data '{"status":"accepted"}' "$public/agreements/$invitation"
    tell token "partner=$1" "text=$token"
}

is_delivered() {
    [ "$(sql shareledger 'SELECT count(*) FROM delivery.queue')" -eq 0 ]
}

say "Making $((away_partner + 1)) partners"
for number in "${!ports[@]}"; do agree "$number" "${ports[$number]}"; done

# statement_count: statements that the service has sent.
statement_count() {
    sql postgres "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
        WHERE toplevel AND userid = (SELECT oid FROM pg_roles WHERE rolname = 'shareledger_service')"
}

# claim_totals: number of claims and their seconds so far.
claim_totals() {
    curl --silent --fail --max-time 10 --header "Authorization: Bearer $(<"$data/token")" \
        "http://127.0.0.1:$private_port/metrics" |
        awk '$1 == "shareledger_claim_seconds_count" { n = $2 } $1 == "shareledger_claim_seconds_sum" { s = $2 }
            END { print n + 0, s + 0 }'
}

# Measuring

results=$directory/delivery-results
: >"$results"

# measure NAME COMMAND...: a line of name, figures of the command, CPU a delivery of client, service and PostgreSQL, and
# what others took of the machine. The command sets `figures`, of which the first is a number of deliveries.
measure() {
    local before after foreign line start try name=$1
    shift
    for try in 1 2 3; do
        await 3 is_quiet || true
        sql postgres CHECKPOINT
        start=$EPOCHREALTIME
        before=$(ticks)
        "$@"
        after=$(ticks)
        foreign=$(foreign_share "$before" "$after" "$(since "$start")")
        line=$(awk -v name="$name" -v figures="$figures" -v before="$before" -v after="$after" -v foreign="$foreign" \
            -v tick="$((1000000 / ticks_a_second))" 'BEGIN {
                split(figures, f); split(before, b); split(after, a)
                printf "%s %s", name, figures
                for (i = 2; i <= 4; i++) printf " %.1f", (a[i] - b[i]) * tick / (f[1] > 0 ? f[1] : 1)
                print " " foreign
            }')
        is_above "$foreign" "$foreign_limit" || break
        if [ "$try" -lt 3 ]; then say "  thrown away: others took $foreign % of the machine ($line)"; fi
    done
    say "  $line"
    echo "$line" >>"$results"
}

# Deliveries, deliveries a second, statements a delivery: as much as goes, messages taken from the desk and delivered.
run_rate() {
    local statements
    statements=$(statement_count)
    offer "$quick" "seconds=${1:-$seconds}" window=2000
    figures="$(replied received) $(ratio "$(replied received)" "$(replied seconds)")"
    settle "$quick" 60
    statements=$(($(statement_count) - statements))
    figures=$(awk -v figures="$figures" -v more="$(replied received)" -v statements="$statements" 'BEGIN {
        split(figures, f)
        printf "%d %.1f %.2f", f[1], f[2], statements / (f[1] + more)
    }')
}

# Deliveries, and milliseconds from a message's commit to the begin of its first attempt: mean and p99.
run_delay() {
    local first offered
    first=$(next_position)
    offer "$quick" "seconds=$seconds" rate=1000
    offered=$(replied offered)
    settle "$quick" 60
    figures="$offered $(sql shareledger "
        SELECT round(avg(delay), 1) || ' ' || round(percentile_disc(0.99) WITHIN GROUP (ORDER BY delay), 1)
        FROM (
            SELECT (extract(epoch FROM b.recorded_at - m.recorded_at) * 1000)::numeric
            FROM ledger.event AS m
            JOIN ledger.event AS b ON b.about = m.event_id AND b.type = 'attempt.begun' AND b.attempt = 1
            JOIN projection.agreement AS a ON a.stream_id = m.stream_id
            JOIN projection.partner AS p ON p.partner_id = a.partner_id
            WHERE m.position >= $first AND b.position >= $first AND m.type LIKE 'ticket.%'
                AND p.name NOT IN ('load$slow_partners', 'load$((slow_partners + 1))')
        ) AS d (delay)")"
}

# Keeps the slow partners busy with requests for as long as `run_delay` takes.
run_delay_beside_slow() {
    tell delay "partner=$slow_partners" milliseconds=30000
    tell delay "partner=$((slow_partners + 1))" milliseconds=19000
    offer "$slow" count=60
    run_delay
}

# Has them take what is left, so that it is not in the way of other cases.
hurry_slow() {
    local partner
    for partner in "$slow_partners" "$((slow_partners + 1))"; do
        tell delay "partner=$partner" milliseconds=20
        "$shareledger" partner resume "load$partner" --data "$data" >/dev/null 2>&1 || true
    done
    settle "$slow" 120
    expect_order
}

# Messages taken, p50 and p99 of their answers in microseconds, mean of a claim in microseconds.
run_taking() {
    local before after
    before=$(claim_totals)
    offer "$quick" "seconds=$seconds" rate=300
    figures="$(replied offered) $(replied p50_us) $(replied p99_us)"
    settle "$quick" 60
    after=$(claim_totals)
    figures+=" $(awk -v before="$before" -v after="$after" 'BEGIN {
        split(before, b); split(after, a)
        printf "%.0f", (a[1] > b[1]) ? (a[2] - b[2]) * 1e6 / (a[1] - b[1]) : 0
    }')"
}

say "Warming up"
run_rate 3

for ((repetition = 1; repetition <= repetitions; repetition++)); do
    say "Deliveries, repetition $repetition of $repetitions"
    measure rate run_rate
    measure delay run_delay
    measure delay-slow run_delay_beside_slow
    hurry_slow
done
memory_first=$(memory VmRSS)

say "Holding a snapshot for $hold s"
"${ledger_user[@]}" psql --host="$socket" --username=shareledger_admin --no-psqlrc --quiet --dbname=shareledger --command="
    BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM delivery.queue; SELECT pg_sleep(86400)" >/dev/null 2>&1 &
holder=$!
start=$EPOCHREALTIME
while is_above "$hold" "$(since "$start")"; do run_rate; done
for ((repetition = 1; repetition <= repetitions; repetition++)); do measure rate-held run_rate; done
sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(86400)%'
    AND pid <> pg_backend_pid()" >/dev/null
wait "$holder" 2>/dev/null || true

say "Having messages wait for a partner that is away"
away="first=$away_partner last=$away_partner"
"$shareledger" partner set "load$away_partner" --concurrency 64 --data "$data" >/dev/null 2>&1
tell down "partner=$away_partner"
offer "$away" count=1000
for ((repetition = 1; repetition <= repetitions; repetition++)); do measure taking-few run_taking; done
enqueued=()
for tenth in {1..10}; do
    offer "$away" count="$((waiting / 10))"
    enqueued+=("$(ratio "$(replied offered)" "$(replied seconds)")")
    say "  $((waiting * tenth / 10)) wait, the last ones taken at ${enqueued[-1]} a second; memory $(memory VmRSS) MiB"
done
for ((repetition = 1; repetition <= repetitions; repetition++)); do measure taking-many run_taking; done
say "Draining"
tell up "partner=$away_partner"
"$shareledger" partner resume "load$away_partner" --data "$data" >/dev/null 2>&1
settle "$away" "$((60 + waiting / 100))"
drained=$(ratio "$(replied received)" "$(replied seconds)")
expect_order
memory_peak=$(memory VmHWM)

[ "$(sql shareledger 'SELECT count(*) FROM delivery.queue')" -eq 0 ] || die 70 "something is left in the queue"
tell state
unexplained=$(sql shareledger "
    SELECT count(*) FILTER (WHERE type LIKE 'ticket.%') - $(replied received)
    FROM ledger.event")
[ "$unexplained" -eq 0 ] || die 70 "the ledger holds $unexplained messages more than the partners got"

kill -TERM "$load_process"
wait "$load_process" 2>/dev/null || true
close_ledger

# Printing

# median NAME COLUMN
middle() {
    awk -v name="$1" -v column="$2" '$1 == name { print $column + 0 }' "$results" | sort --numeric-sort |
        awk '{ value[NR] = $1 }
            END { printf "%.2f", NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'
}

rate=$(middle rate 3)
held_ratio=$(ratio "$(middle rate-held 3)" "$rate")
take_ratio=$(ratio "$(middle taking-many 3)" "$(middle taking-few 3)")
claim_ratio=$(ratio "$(middle taking-many 5)" "$(middle taking-few 5)")
disturbed=$(awk -v limit="$foreign_limit" '$NF + 0 > limit { count++ } END { print count + 0 }' "$results")

if $json; then
    cat <<TEXT
{"part":"deliveries","repetitions":$repetitions,"seconds":$seconds,"cores":$cores,"disturbed":$disturbed,
"rate":{"deliveries_per_second":$rate,"statements":$(middle rate 4),\
"cpu_us":{"client":$(middle rate 5),"service":$(middle rate 6),"postgres":$(middle rate 7)}},
"delay":{"mean_ms":$(middle delay 3),"p99_ms":$(middle delay 4),"cpu_us":{"client":$(middle delay 5),\
"service":$(middle delay 6),"postgres":$(middle delay 7)}},
"delay_beside_slow":{"mean_ms":$(middle delay-slow 3),"p99_ms":$(middle delay-slow 4)},
"snapshot":{"seconds":$hold,"deliveries_per_second":$(middle rate-held 3),"ratio":$held_ratio},
"waiting":{"messages":$waiting,"taken_p50_us":{"few":$(middle taking-few 3),"many":$(middle taking-many 3)},\
"claim_us":{"few":$(middle taking-few 5),"many":$(middle taking-many 5)},\
"enqueued_per_second":{"first":${enqueued[0]},"last":${enqueued[-1]}},"drained_per_second":$drained},
"memory_mib":{"first":$memory_first,"peak":$memory_peak}}
TEXT
else
    cat <<TEXT

Deliveries from our own desk to $quick_partners partners that take 20 ms; medians of $repetitions x $seconds s

$(printf '%-34s %10s %8s %8s %10s %7s %8s %9s' '' 'a second' 'mean ms' 'p99 ms' statements client service postgres)
$(printf '%-34s %10s %8s %8s %10s %7.0f %8.0f %9.0f' 'as many as go' "$rate" '' '' "$(middle rate 4)" \
        "$(middle rate 5)" "$(middle rate 6)" "$(middle rate 7)")
$(printf '%-34s %10s %8s %8s %10s %7.0f %8.0f %9.0f' '1,000 a second' '' "$(middle delay 3)" "$(middle delay 4)" '' \
        "$(middle delay 5)" "$(middle delay 6)" "$(middle delay 7)")
$(printf '%-34s %10s %8s %8s' 'beside partners that take 19, 30 s' '' "$(middle delay-slow 3)" "$(middle delay-slow 4)")
$(printf '%-34s %10s' "a snapshot held for $hold s" "$(middle rate-held 3)")

With a snapshot held: $held_ratio of the rate without
$waiting messages waiting for a partner that is away, beside 1,000:
  taking a message  p50 $(middle taking-few 3) us, $(middle taking-many 3) us: $take_ratio
  a claim           mean $(middle taking-few 5) us, $(middle taking-many 5) us: $claim_ratio
  enqueued at       ${enqueued[0]} a second at first, ${enqueued[-1]} at last
  drained at        $drained a second, in the order of each share
Memory of the service: $memory_first MiB after the first cases, $memory_peak MiB at most
Everything came in order, and once but where an attempt.unknown explains it
TEXT
    if [ "$disturbed" -gt 0 ]; then
        printf '\n%d of %d measurements were disturbed by other processes.\n' "$disturbed" "$(wc -l <"$results")"
    fi
fi

note_shortcomings "$(awk -v rate="$rate" -v statements="$(middle rate 4)" -v mean="$(middle delay 3)" \
    -v alone="$(middle delay 4)" -v beside="$(middle delay-slow 4)" -v held="$held_ratio" -v take="$take_ratio" \
    -v claim="$claim_ratio" -v peak="$memory_peak" 'BEGIN {
        if (rate < 1500) print "deliveries: " rate " a second, not 1500"
        if (statements > 4) print "deliveries: " statements " statements each, not 4"
        if (mean >= 1000) print "delay: " mean " ms, not under 1000"
        if (beside > 1.5 * alone + 20) print "delay beside slow partners: p99 is " beside " ms, not " alone
        if (held < 0.9) print "snapshot: " held " of the rate, not 0.9"
        if (take > 1.25) print "waiting messages: taking another costs " take " x"
        if (claim > 1.5) print "waiting messages: a claim costs " claim " x"
        if (peak >= 150) print "memory with waiting messages: " peak " MiB, not under 150"
    }')" "$disturbed"
