# Ends what a stack started once the stack is gone, whichever way it went. It reads lines from a pipe whose only
# writer is the stack; end of file means the stack has ended, be it by SIGKILL.
#   add PID SIGNAL LEVEL   stop PID with SIGNAL when the end comes; higher levels first, one level at once
#   del PID                it has ended by itself
#   dir PATH               remove this directory last
set -u
trap '' HUP INT QUIT TERM
started=''
directories=''
while read -r verb first rest; do
  case $verb in
  add)
    started="$started$first:${rest% *}:${rest#* } "
    ;;
  del)
    kept=''
    for one in $started; do
      [ "${one%%:*}" = "$first" ] || kept="$kept$one "
    done
    started=$kept
    ;;
  dir)
    directories="$directories$first${rest:+ $rest}
"
    ;;
  esac
done

runs() {
  kill -0 "$1" 2>/dev/null || return 1
  case $(cat "/proc/$1/stat" 2>/dev/null) in
  *') Z '*) return 1 ;; # ended, and nobody has asked for its status
  esac
}

for level in 2 1 0; do
  pids=''
  for one in $started; do
    [ "${one##*:}" = "$level" ] || continue
    pid=${one%%:*}
    signal=${one#*:}
    kill -s "${signal%:*}" "$pid" 2>/dev/null
    kill -s CONT "$pid" 2>/dev/null
    pids="$pids$pid "
  done
  for pid in $pids; do
    rounds=0
    while runs "$pid" && [ "$rounds" -lt 60 ]; do
      sleep 0.1 2>/dev/null || sleep 1
      rounds=$((rounds + 1))
    done
    # The whole group: nginx's workers outlive a master that is killed.
    kill -s KILL -- "-$pid" 2>/dev/null
  done
done

printf '%s' "$directories" | while IFS= read -r directory; do
  rm -rf -- "$directory"
done
