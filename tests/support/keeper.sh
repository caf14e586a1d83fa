# Keeps one server: starts it, stops it when no test uses it any more, and removes what it left on disk.
#
# usage: sh DIRECTORY/keeper DIRECTORY HOME GRACE SIGNAL COMMAND...
#
# A test process holds a shared lock on DIRECTORY/lease for as long as it lives. The kernel releases it however
# the process ends, kill -9 included, and zombies hold no locks, so that nothing has to be tidied up.
directory=$1 home=$2 grace=$3 signal=$4
shift 4

# Ctrl-C and a closed terminal are meant for the tests; the server ends once they have.
trap '' HUP INT

# This file is locked while this process lives, and not by the server: that says whether anybody looks after it.
exec 8<"$0"
flock 8
"$@" 8>&- &
server=$!

exec 9<"$directory/lease"
idle=0
stopped=
# The shell reaps the server while it waits for `sleep`, so that a dead server is not taken for a live one.
while kill -0 "$server" 2>/dev/null; do
    sleep 1
    if flock --nonblock --exclusive 9; then
        idle=$((idle + 1))
        if [ -e "$directory/stop" ] || [ "$idle" -ge "$grace" ]; then
            # The lock is kept: a test process that arrives now waits, finds no state, and starts another server.
            stopped=yes
            break
        fi
        flock --unlock 9
    else
        idle=0
    fi
done

rm -f "$directory/state"
kill -s "$signal" "$server" 2>/dev/null
wait "$server"
# Where the server ended by itself, its log says why; whoever starts the next one removes it.
if [ -n "$stopped" ]; then
    rm -rf "$home" "$directory"
fi
