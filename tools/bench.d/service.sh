# The service that is measured, its PostgreSQL, and CPU time. Read by tools/bench.
# shellcheck shell=bash disable=SC2154  # Options are set by tools/bench.

say() {
    echo "$*" >&2
}

# Everything that is started ends here, whatever happened.

directory='' service=''
ledger_user=()
access_key=c8d952679994f2382579acbfc648989b4c318687

finish() {
    local status=$? postmaster
    trap - EXIT INT TERM HUP
    if [ -n "$service" ] && kill -TERM "$service" 2>/dev/null; then
        await 60 has_ended "$service" || kill -KILL "$service" 2>/dev/null || true
        wait "$service" 2>/dev/null || true
    fi
    if [ -n "$directory" ]; then
        # The service stops its PostgreSQL; one that was killed cannot.
        if postmaster=$(head -n 1 "$directory/data/pgdata/postmaster.pid" 2>/dev/null); then
            kill -QUIT "$postmaster" 2>/dev/null || true
            await 20 has_ended "$postmaster" || say "tools/bench: PostgreSQL (process $postmaster) does not stop"
        fi
        if [ "$status" -ne 0 ] && [ "$status" -lt 128 ] && [ -s "$directory/service.log" ]; then
            say "The end of the service's log:"
            tail -n 5 "$directory/service.log" >&2
        fi
        rm -rf "$directory"
    fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# await SECONDS COMMAND...: runs it until it succeeds, ten times a second.
await() {
    local tries=$(($1 * 10))
    shift
    while ! "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

has_ended() {
    ! kill -0 "$1" 2>/dev/null
}

# Nobody listens there now; somebody may in a moment, and then the service says so.
free_port() {
    local port
    for _ in {1..50}; do
        port=$((20000 + RANDOM % 10000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    die 69 "no free port was found"
}

# The service

# open_ledger SETTINGS: a service on a data directory of its own, whose PostgreSQL has these settings of its own as well.
open_ledger() {
    data=$directory/data
    public_port=$(free_port)
    private_port=$(free_port)
    public=http://127.0.0.1:$public_port/sharing
    run_service
    stop_service
    echo "$1" >"$data/postgresql.conf"
    if [ "$(id -u)" -eq 0 ]; then
        owner=$(stat --format %U "$data")
        chown "$owner:" "$data/postgresql.conf"
        ledger_user=(setpriv "--reuid=$owner" "--regid=$(id -g "$owner")" --init-groups)
    fi
    run_service
    postmaster=$(head -n 1 "$data/pgdata/postmaster.pid")
    socket=$(sed -n 5p "$data/pgdata/postmaster.pid")
}

close_ledger() {
    stop_service
    rm -rf "$data"
}

run_service() {
    "$shareledger" serve --data "$data" --public-listen "127.0.0.1:$public_port" \
        --private-listen "127.0.0.1:$private_port" >>"$directory/service.log" 2>&1 &
    service=$!
    await 60 is_ready_or_gone
    has_ended "$service" && die 70 "the service did not start"
    return 0
}

stop_service() {
    kill -TERM "$service"
    await 60 has_ended "$service" || die 70 "the service does not stop"
}

is_ready_or_gone() {
    has_ended "$service" || curl --silent --fail --max-time 5 --output /dev/null "http://127.0.0.1:$private_port/readyz"
}

# invite AGREEMENT URL PARTNER: a partner at a URL that invites us, and whom we accept.
invite() {
    curl --silent --show-error --fail --max-time 30 --output /dev/null --header 'Content-Type: application/json' \
        --data @- "$public/agreements/$1" <<JSON
{"uuid":"$1","name":"Lenswerk","status":"pending","access_key":"$access_key","sync_tags":true,
"sender_url":"$2","receiver_url":"$public","sync_custom_fields":true,"allows_public_comments":true}
JSON
    "$shareledger" agreement accept "$1" --partner-name "$3" --allow-http --allow-private-address \
        --data "$data" >/dev/null 2>&1 || die 70 "agreement $1 could not be accepted"
}

# sql DATABASE STATEMENT: as the private cluster's administrator.
sql() {
    "${ledger_user[@]}" psql --host="$socket" --username=shareledger_admin --no-psqlrc --quiet --tuples-only --no-align \
        --set=ON_ERROR_STOP=1 --dbname="$1" --command="$2"
}

# CPU time, in ticks

ticks_a_second=$(getconf CLK_TCK)
cores=$(nproc)

# Prints what is busy in all, client, service, PostgreSQL. A process's finished children are counted with their parent.
# The kernel's own threads work for whoever writes, so they are nobody's.
ticks() {
    # Processes that end meanwhile are missing from the list, and counted by their parents in the next one.
    { head -n 1 /proc/stat; cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk \
        -v bench=$$ -v service="$service" -v postmaster="$postmaster" '
        $1 == "cpu" { busy = $2 + $3 + $4 + $9; next }
        {
            process = $1
            sub(/^.*\) /, "")
            parent = $2
            own = $12 + $13
            children = $14 + $15
            if (process == service) used["service"] += own
            else if (process == postmaster) used["postgres"] += own + children
            else if (parent == postmaster) used["postgres"] += own
            else if (process == bench) used["client"] += own + children
            else if (parent == bench) used["client"] += own
            else if (process == 2 || parent == 2) kernel += own
        }
        END { print busy - kernel, used["client"] + 0, used["service"] + 0, used["postgres"] + 0 }'
}

# Percent of the machine that others took between two outputs of `ticks`.
foreign_share() {
    awk -v before="$1" -v after="$2" -v ticks="$ticks_a_second" -v cores="$cores" -v seconds="$3" 'BEGIN {
        split(before, b); split(after, a)
        foreign = (a[1] - b[1]) - (a[2] - b[2]) - (a[3] - b[3]) - (a[4] - b[4])
        printf "%.1f\n", foreign <= 0 ? 0 : 100 * foreign / (ticks * cores * seconds)
    }'
}

is_above() {
    awk -v value="$1" -v limit="$2" 'BEGIN { exit !(value > limit) }'
}

is_quiet() {
    local before after
    before=$(ticks)
    sleep 1
    after=$(ticks)
    ! is_above "$(foreign_share "$before" "$after" 1)" "$foreign_limit"
}

# Seconds since a value of EPOCHREALTIME.
since() {
    awk -v start="$1" -v now="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", now - start }'
}

next_position() {
    sql shareledger 'SELECT max(position) + 1 FROM ledger.event'
}

is_idle() {
    [ "$(sql shareledger "SELECT count(*) FROM pg_stat_activity
        WHERE usename = 'shareledger_service' AND state <> 'idle'")" -eq 0 ]
}

memory() {
    awk -v name="$1:" '$1 == name { printf "%.1f\n", $2 / 1024 }' "/proc/$service/status"
}

ratio() {
    awk -v over="$1" -v under="$2" 'BEGIN { printf "%.2f", over / under }'
}
