// The guard's side on the host: one small POSIX sh program per connection, run beside the commands.
//
// It holds a private folder in which every command has put its process id (launch.ts), and reads requests, one a line.
// When its stdin ends, the connection is gone: it moves the folder away, so that nothing can start any more, ends what
// runs, group by group (TERM, then KILL), and removes the folder. A watchdog does the same when no line came for
// `silenceSeconds`: a peer that vanished without a word (power, cable) never ends the stdin by itself.
// Requests: `signal ID NAME`, `cancel ID`, `alive ID`, `done ID`, `beat N`. Each has exactly one answer, in order.
// A zombie counts as dead: in a container nobody may ever reap it. Tested with dash and bash.

export const GUARD_PREFIX = "drydock-guard"

export interface GuardTimes {
  /** The guard ends everything when it heard nothing for so long, seconds (to within a quarter). */
  readonly silenceSeconds: number
  /** From TERM to KILL when the connection is gone, seconds. */
  readonly graceSeconds: number
}

export function guardScript({ silenceSeconds, graceSeconds }: GuardTimes): string {
  const step = Math.max(1, Math.ceil(silenceSeconds / 4))
  return `
trap '' HUP INT QUIT TERM PIPE
umask 077
dir=$(mktemp -d "\${TMPDIR:-/tmp}/drydock-XXXXXXXXXX") || exit 1
say() { printf '${GUARD_PREFIX} %s\\n' "$1" 2>/dev/null; }
pid_of() { pid=; { read -r pid <"$1"; } 2>/dev/null; [ -n "$pid" ]; }
send() { kill "-$1" "-$2" 2>/dev/null || kill "-$1" "$2" 2>/dev/null; }
processes() {
  if [ -r /proc/self/stat ]
  then cat /proc/[0-9]*/stat 2>/dev/null | sed -n 's/^\\([0-9]*\\) (.*) \\([A-Za-z]\\) [0-9-]* \\([0-9-]*\\) .*$/\\1 \\3 \\2/p'
  else ps -A -o pid= -o pgid= -o stat= 2>/dev/null
  fi
}
alive() {
  kill -0 "-$1" 2>/dev/null || kill -0 "$1" 2>/dev/null || return 1
  list=$(processes)
  [ -n "$list" ] || return 0
  printf '%s\\n' "$list" | grep -Eq "^ *($1 +[0-9-]+|[0-9]+ +$1) +[^ZX]"
}
any_alive() { for file in "$dir"/*.pid; do pid_of "$file" && alive "$pid" && return 0; done; return 1; }
send_all() { for file in "$dir"/*.pid; do pid_of "$file" && send "$1" "$pid"; done; }
end_all() {
  mv "$dir" "$dir.ended" 2>/dev/null || return 0
  dir=$dir.ended
  send_all TERM
  left=${graceSeconds}
  while [ "$left" -gt 0 ] && any_alive; do sleep 1; left=$((left - 1)); done
  send_all KILL
  rm -rf "$dir"
}
watch() {
  last=; missed=0
  while sleep ${step}; do
    [ -d "$dir" ] || exit 0
    now=; { read -r now <"$dir/beat"; } 2>/dev/null
    if [ "$now" = "$last" ]; then missed=$((missed + 1)); else missed=0; last=$now; fi
    if [ "$missed" -ge 4 ]; then end_all; exit 0; fi
  done
}
watch </dev/null >/dev/null 2>&1 &
watchdog=$!
printf '\\n'
say "ready $dir"
while read -r verb id name; do
  [ -d "$dir" ] || break
  case $verb in
    signal) if pid_of "$dir/$id.pid"; then send "$name" "$pid"; fi; say ok ;;
    cancel) : >"$dir/$id.stop"; say ok ;;
    alive) if pid_of "$dir/$id.pid" && alive "$pid"; then say yes; else say no; fi ;;
    done) why=; { read -r why <"$dir/$id.why"; } 2>/dev/null; rm -f "$dir/$id".*; say "$why" ;;
    beat) echo "$id" >"$dir/beat"; say ok ;;
    *) say unknown ;;
  esac
done
end_all
kill -KILL "$watchdog" 2>/dev/null
kill -KILL "-$$" 2>/dev/null
`
}
