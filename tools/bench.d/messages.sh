# From HTTP to commit, beside PostgreSQL alone; rebuilds, beside reading. Read by tools/bench.
# shellcheck shell=bash disable=SC2154,SC2317  # Options are set there; functions that are called by name look unreachable.

agreement=6f1c1d3d8f0a4c5b9e7a2b3c4d5e6f708192a3b4
tickets=10000 sessions=2

# Room for pgbench's clients beside the service's; nothing that bears on durability or speed.
open_ledger 'max_connections = 150'

say "Sharing $tickets tickets"
invite "$agreement" http://127.0.0.1:9/sharing lenswerk

export LOAD_TICKETS=$directory/tickets LOAD_TOKEN=$agreement:$access_key LOAD_RESULT=$directory/load
threads=$(nproc)
[ "$threads" -le 2 ] || threads=2

# load CONNECTIONS THREADS SECONDS: wrk, which leaves its figures in $LOAD_RESULT.
load() {
    rm -f "$LOAD_RESULT"
    LOAD_SEED=$((RANDOM * 32768 + RANDOM)) timeout "$(($3 + 30))" \
        wrk --connections "$1" --threads "$2" --duration "${3}s" --timeout 30s --latency \
        --script Tests/Load/messages.lua "$public" >"$directory/wrk.log" 2>&1 ||
        die 70 "wrk failed: $(tail -n 1 "$directory/wrk.log")"
    [ "$(loaded refused)" -eq 0 ] || die 70 "$(loaded refused) messages were refused"
    [ "$(loaded broken)" -eq 0 ] || die 70 "$(loaded broken) requests were broken off"
}

loaded() {
    awk -v name="$1" '$1 == name { print $2 }' "$LOAD_RESULT"
}

# Identifiers scattered as digests are, the same in every run.
awk -v count="$tickets" -v token="$LOAD_TOKEN" -v public="$public" -v list="$LOAD_TICKETS" 'BEGIN {
    srand(20110608)
    for (number = 1; number <= count; number++) {
        ticket = ""
        for (digit = 0; digit < 10; digit++) ticket = ticket sprintf("%04x", int(rand() * 65536))
        print ticket >list
        body = "{\"uuid\":\"" ticket "\",\"subject\":\"Case " number "\",\"status\":\"new\",\"comments\":[]}"
        gsub(/"/, "\\\"", body)
        if (number > 1) print "next"
        print "url = \"" public "/tickets/" ticket "\""
        print "request = POST\nheader = \"Content-Type: application/json\""
        print "header = \"X-Ticket-Sharing-Token: " token "\""
        print "data = \"" body "\"\nmax-time = 60"
    }
}' >"$directory/shares"
curl --no-progress-meter --parallel --parallel-max 32 --config "$directory/shares" >"$directory/answers" 2>&1 ||
    die 70 "curl failed: $(tail -n 1 "$directory/answers")"
shares=$(sql shareledger 'SELECT count(*) FROM ledger.share')
[ "$shares" -eq "$tickets" ] || die 70 "$shares of $tickets tickets were shared"

sql postgres 'CREATE DATABASE bench'
sql bench 'CREATE TABLE message (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    body text COMPRESSION lz4 NOT NULL)'
say "Warming up"
LOAD_SAMPLES=$directory/body load 8 1 2
inserts=()
for body in {0..7}; do
    inserts+=(--define "body$body=$(<"$directory/body$body")" --file "$directory/insert$body.sql")
    cat >"$directory/insert$body.sql" <<SQL
INSERT INTO message (event_id, received_at, recorded_at, body) VALUES (gen_random_uuid(), now(), clock_timestamp(), :body$body);
SQL
done
chmod 644 "$directory"/insert*.sql

# Measuring

results=$directory/results
: >"$results"

# The cases set `before` and `after`, from `ticks`, and `figures`: what was done, seconds, p50 and p99 in microseconds.
measure_messages() {
    local first next answered stored
    first=$(next_position)
    before=$(ticks)
    load "$1" "$(jobs_for "$1")" "$seconds"
    after=$(ticks)
    # wrk leaves when its time is up; what it sent last is still being answered.
    await 10 is_idle || die 70 "the service does not come to rest"
    next=$(next_position)
    answered=$(loaded requests)
    stored=$(sql shareledger "SELECT count(*) FROM ledger.event
        WHERE position >= $first AND position < $next AND type = 'ticket.updated'")
    if [ "$stored" -lt "$answered" ] || [ "$stored" -gt $((answered + $1)) ] || [ "$stored" -ne $((next - first)) ]; then
        die 70 "$answered messages were accepted, $stored are stored, at $((next - first)) positions"
    fi
    figures="$answered $(loaded duration | awk '{ print $1 / 1e6 }') $(loaded p50) $(loaded p99)"
}

measure_inserts() {
    local output
    before=$(ticks)
    output=$("${ledger_user[@]}" timeout "$((seconds + 30))" pgbench --host="$socket" --username=shareledger_admin \
        --no-vacuum --protocol=prepared --client="$1" --jobs="$(jobs_for "$1")" --time="$seconds" \
        "${inserts[@]}" bench 2>&1) || die 70 "pgbench failed: $(tail -n 1 <<<"$output")"
    after=$(ticks)
    # pgbench gives no percentiles.
    figures=$(awk '
        /^number of transactions actually processed:/ { sub(/.*: /, ""); rows = $1 + 0 }
        /^tps = / { print rows, rows / $3, "-", "-" }' <<<"$output")
}

measure_rebuild() {
    local start
    before=$(ticks)
    start=$EPOCHREALTIME
    "$shareledger" projection rebuild --workers "$1" --json --data "$data" >"$directory/rebuild" 2>"$directory/errors" ||
        die 70 "the rebuild failed: $(tail -n 1 "$directory/errors")"
    figures="$(grep -o '"events":[0-9]*' "$directory/rebuild" | tr -dc '0-9') $(since "$start") - -"
    after=$(ticks)
    grep -q '"difference_count":0' "$directory/rebuild" || die 70 "the projections were not what the ledger makes them"
}

# Bodies and facts of all messages, in order, in the binary form in which a rebuild gets them.
measure_read() {
    local start end part
    local -a readers=()
    end=$(next_position)
    before=$(ticks)
    start=$EPOCHREALTIME
    for ((part = 0; part < $1; part++)); do
        sql shareledger "COPY (
            SELECT e.position, e.share_id, e.share_seq, e.type, e.direction, e.recorded_at, p.part, p.content
            FROM ledger.event AS e
            JOIN ledger.payload AS p ON p.position = e.position AND p.part IN ('body', 'facts')
            WHERE e.type IN ('ticket.shared', 'ticket.updated', 'ticket.unshared')
                AND e.position >= $((end * part / $1)) AND e.position < $((end * (part + 1) / $1))
            ORDER BY e.position
        ) TO STDOUT (FORMAT binary)" >/dev/null &
        readers+=($!)
    done
    for part in "${readers[@]}"; do wait "$part" || die 70 "reading the ledger failed"; done
    figures="$(sql shareledger "SELECT count(*) FROM ledger.event WHERE type LIKE 'ticket.%'") $(since "$start") - -"
    after=$(ticks)
}

jobs_for() {
    echo "$(($1 < threads ? $1 : threads))"
}

# try_once KIND COUNT: prints kind, connections or sessions, messages a second, p50, p99, CPU of client, service and PostgreSQL,
# bytes of WAL a message, percent of the machine that others took.
try_once() {
    local before after figures wal
    sql postgres CHECKPOINT
    wal=$(sql postgres 'SELECT pg_current_wal_lsn()')
    "measure_$1" "$2"
    wal=$(sql postgres "SELECT pg_current_wal_lsn() - '$wal'::pg_lsn")
    awk -v kind="$1" -v count="$2" -v figures="$figures" -v before="$before" -v after="$after" -v wal="$wal" \
        -v tick="$((1000000 / ticks_a_second))" \
        -v foreign="$(foreign_share "$before" "$after" "$(cut -d ' ' -f 2 <<<"$figures")")" 'BEGIN {
        split(figures, f); split(before, b); split(after, a)
        printf "%s %d %.1f %s %s", kind, count, f[1] / f[2], f[3], f[4]
        for (i = 2; i <= 4; i++) printf " %.1f", (a[i] - b[i]) * tick / f[1]
        printf " %.0f %.1f\n", wal / f[1], foreign
    }'
}

# One repetition, again where others disturbed it, and then as it is.
repeat_case() {
    local try line foreign
    for try in 1 2 3; do
        await 3 is_quiet || true
        # A file and no substitution, in which `exit` would end a subshell only, and CPU time be counted late.
        try_once "$@" >"$directory/line"
        line=$(<"$directory/line")
        foreign=${line##* }
        is_above "$foreign" "$foreign_limit" || break
        if [ "$try" -lt 3 ]; then say "  thrown away: others took $foreign % of the machine ($line)"; fi
    done
    say "  $line"
    echo "$line" >>"$results"
}

for ((repetition = 1; repetition <= repetitions; repetition++)); do
    say "Repetition $repetition of $repetitions"
    for count in "${connections[@]}"; do
        repeat_case messages "$count"
        repeat_case inserts "$count"
    done
    [ "$repetition" -gt 1 ] || memory_first=$(memory VmRSS)
done
memory_last=$(memory VmRSS)
memory_peak=$(memory VmHWM)

for ((repetition = 1; repetition <= repetitions; repetition++)); do
    say "Rebuild $repetition of $repetitions"
    repeat_case rebuild "$sessions"
    repeat_case read "$sessions"
done

events=$(sql shareledger 'SELECT count(*) FROM ledger.event')
[ "$events" -eq "$(next_position)" ] || die 70 "there are $events events at $(next_position) positions"

# Printing

# median KIND COUNT COLUMN
median() {
    awk -v kind="$1" -v count="$2" -v column="$3" '$1 == kind && $2 == count { print $column + 0 }' "$results" |
        sort --numeric-sort | awk '{ value[NR] = $1 }
            END { printf "%.1f", NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'
}


# Medians of each case: connections, then for messages rate, p50, p99, three CPU times and WAL, then for inserts rate,
# client CPU, PostgreSQL CPU and WAL; the ratio of the rates.
medians=$directory/medians
for count in "${connections[@]}"; do
    line=$count
    for column in 3 4 5 6 7 8 9; do line+=" $(median messages "$count" "$column")"; done
    for column in 3 6 8 9; do line+=" $(median inserts "$count" "$column")"; done
    echo "$line $(ratio "$(median messages "$count" 3)" "$(median inserts "$count" 3)")"
done >"$medians"
rebuild="$(median rebuild "$sessions" 3) $(median rebuild "$sessions" 6) $(median rebuild "$sessions" 8)"
read_alone="$(median read "$sessions" 3) $(median read "$sessions" 6) $(median read "$sessions" 8)"
rebuild_ratio=$(ratio "${rebuild%% *}" "${read_alone%% *}")
disturbed=$(awk -v limit="$foreign_limit" '$NF + 0 > limit { count++ } END { print count + 0 }' "$results")

if $json; then
    awk -v events="$events" -v first="$memory_first" -v last="$memory_last" -v peak="$memory_peak" \
        -v repetitions="$repetitions" -v seconds="$seconds" -v tickets="$tickets" -v cores="$cores" \
        -v disturbed="$disturbed" -v sessions="$sessions" -v rebuild="$rebuild" -v reading="$read_alone" \
        -v ratio="$rebuild_ratio" '
        BEGIN {
            split(rebuild, r); split(reading, a)
            printf "{\"repetitions\":%d,\"seconds\":%d,\"cores\":%d,\"tickets\":%d,\"events\":%d,\n", \
                repetitions, seconds, cores, tickets, events
            printf "\"disturbed\":%d,\"memory_mib\":{\"first\":%s,\"last\":%s,\"peak\":%s},\n", disturbed, first, last, peak
            printf "\"rebuild\":{\"sessions\":%d,\"events_per_second\":%s,\"cpu_us\":{\"client\":%s,\"postgres\":%s},\n", \
                sessions, r[1], r[2], r[3]
            printf "\"read\":{\"events_per_second\":%s,\"cpu_us\":{\"client\":%s,\"postgres\":%s}},\"ratio\":%s},\n", \
                a[1], a[2], a[3], ratio
            printf "\"cases\":["
        }
        {
            printf "%s\n{\"connections\":%d,", NR > 1 ? "," : "", $1
            printf "\"messages_per_second\":%s,\"p50_ms\":%.2f,\"p99_ms\":%.2f,", $2, $3 / 1000, $4 / 1000
            printf "\"cpu_us\":{\"client\":%s,\"service\":%s,\"postgres\":%s},\"wal_bytes\":%d,", $5, $6, $7, $8
            printf "\"pgbench\":{\"rows_per_second\":%s,\"cpu_us\":{\"client\":%s,\"postgres\":%s},\"wal_bytes\":%d},", \
                $9, $10, $11, $12
            printf "\"ratio\":%s}", $13
        }
        END { print "\n]}" }' "$medians"
else
    awk -v repetitions="$repetitions" -v seconds="$seconds" '
        BEGIN {
            printf "Messages of 2 KiB from HTTP to commit, beside rows inserted by pgbench; medians of %d x %d s\n\n", \
                repetitions, seconds
            row = "%11s  %10s  %7s  %7s  %6s  %7s  %8s  %6s  %10s  %6s  %8s  %6s  %5s\n"
            printf row, "", "messages", "p50", "p99", "client", "service", "postgres", "WAL", "pgbench", "client", \
                "postgres", "WAL", ""
            printf row, "connections", "a second", "ms", "ms", "us", "us", "us", "bytes", "a second", "us", "us", \
                "bytes", "ratio"
        }
        {
            printf row, $1, sprintf("%.0f", $2), sprintf("%.2f", $3 / 1000), sprintf("%.2f", $4 / 1000), \
                sprintf("%.0f", $5), sprintf("%.0f", $6), sprintf("%.0f", $7), sprintf("%.0f", $8), sprintf("%.0f", $9), \
                sprintf("%.0f", $10), sprintf("%.0f", $11), sprintf("%.0f", $12), $13
        }' "$medians"
    awk -v sessions="$sessions" -v rebuild="$rebuild" -v reading="$read_alone" -v ratio="$rebuild_ratio" 'BEGIN {
        split(rebuild, r); split(reading, a)
        printf "\nProjections rebuilt by %d sessions, beside reading the same messages by as many\n\n", sessions
        row = "%11s  %10s  %6s  %8s  %5s\n"
        printf row, "", "events", "client", "postgres", ""
        printf row, "", "a second", "us", "us", "ratio"
        printf row, "rebuild", sprintf("%.0f", r[1]), sprintf("%.0f", r[2]), sprintf("%.0f", r[3]), ratio
        printf row, "read", sprintf("%.0f", a[1]), sprintf("%.0f", a[2]), sprintf("%.0f", a[3]), ""
    }'
    if [ "$disturbed" -gt 0 ]; then
        printf '\n%d of %d measurements were disturbed by other processes.\n' "$disturbed" "$(wc -l <"$results")"
    fi
    cat <<TEXT

Memory of the service: $memory_first MiB after the first repetition, $memory_last MiB at the end, $memory_peak MiB at most
Events in the ledger: $events, none missing
TEXT
fi

close_ledger
fails=$(awk -v peak="$memory_peak" -v rebuild="${rebuild%% *}" '
    $1 == 64 && $13 < 1.0 { print "64 connections: " $13 " x pgbench, not 1.0" }
    $1 == 64 && $4 >= 25000 { print "64 connections: p99 is " $4 / 1000 " ms, not under 25" }
    $1 == 1 && $13 < 0.5 { print "1 connection: " $13 " x pgbench, not 0.5" }
    END {
        if (peak >= 150) print "memory: " peak " MiB, not under 150"
        if (rebuild < 50000) print "rebuild: " rebuild " events a second, not 50000"
    }' "$medians")
note_shortcomings "$fails" "$disturbed"
