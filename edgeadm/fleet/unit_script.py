"""The scripts of a run on a machine: start it as a transient unit, follow its events, remove everything.

Lines of events are JSON objects; lines of the script itself begin with `# `.
"""

from __future__ import annotations

from edgeadm.fleet.layout import HEAD

PLACES = (
    HEAD
    + r"""
state=$1/var/lib/edgeadm-fleet
running=$1/run/edgeadm-fleet
programs=$1/opt/edgeadm
link=$1/usr/local/bin/edgeadm
shift
"""
)

# Parameters: root, verb, run, executable, first line, `purge` or empty. stdin: a tar with the files of the
# run.
START = (
    PLACES
    + r"""
verb=$1 run=$2 program=$3 line=$4 purge=$5
unit=edgeadm-fleet-$verb-$run
busy=$(systemctl list-units --plain --no-legend --full --state=active,activating,deactivating \
  'edgeadm-fleet-*.service' | cut -d ' ' -f 1 | grep -v '^edgeadm-fleet-serve' || :)
if [ -n "$busy" ]; then echo "# busy $busy"; exit 8; fi
mkdir -p "$state/runs" "$running/$run"
chmod 0700 "$state" "$state/runs" "$running" "$running/$run"
rm -f "$state"/runs/*
tar -xf - -C "$running/$run" || exit 74
: >"$state/runs/$run.jsonl"
: >"$state/runs/$run.err"
systemd-run --quiet --collect --unit="$unit" --service-type=exec \
  --description="edgeadm $verb, started by edgeadm nodes" \
  --property=KillMode=mixed --property=TimeoutStopSec=300 --property=OOMScoreAdjust=-500 \
  --setenv=LANG=C.UTF-8 --setenv=HOME=/root \
  --property="ExecStopPost=/bin/sh $running/$run/end.sh $verb $run $state $running" \
  /bin/sh "$running/$run/run.sh" "$verb" "$run" "$program" "$state" "$running" \
  || { rm -rf "${running:?}/$run"; exit 69; }
"""
)

# Parameters: root, verb, run, executable (unused), first line, `purge` or empty.
FOLLOW = (
    PLACES
    + r"""
verb=$1 run=$2 line=$4 purge=$5
unit=edgeadm-fleet-$verb-$run
"""
)

TAIL = r"""
events=$state/runs/$run.jsonl
ended() {
  while :; do
    case $(systemctl is-active "$unit.service") in
      active | activating | deactivating | reloading) sleep 0.1 ;;
      *) break ;;
    esac
  done
}
if [ ! -f "$events" ]; then echo "# lost"; exit 70; fi
pid=$(systemctl show --property=MainPID --value "$unit.service")
if [ "${pid:-0}" -gt 0 ]; then
  tail -n "+$line" -s 0.2 -f --pid="$pid" "$events"
  ended
else
  ended
  tail -n "+$line" "$events"
fi
if [ -f "$state/runs/$run.status" ]; then echo "# status $(cat "$state/runs/$run.status")"; fi
tail -n 20 "$state/runs/$run.err" | cut -c 1-500 | sed 's/^/# err /'
if [ "$purge" = purge ] && grep -qx 'exited 0' "$state/runs/$run.status"; then
  systemctl stop edgeadm-fleet-serve.service 2>/dev/null || :
  target=$(readlink "$link" || :)
  case $target in "$programs"/*/edgeadm) if ours "${target%/edgeadm}"; then rm -f "$link"; fi ;; esac
  for path in "$programs"/*; do
    if ours "$path"; then rm -rf "$path"; fi
  done
  rm -rf "$state" "$running" "${programs:?}/.new"
  rmdir "$programs" 2>/dev/null || :
fi
echo "# end"
"""

START_AND_FOLLOW = START + TAIL
FOLLOW_ONLY = FOLLOW + TAIL

# The main process of the unit becomes edgeadm.
RUN = r"""
verb=$1 run=$2 program=$3 state=$4 running=$5
cd /
exec >>"$state/runs/$run.jsonl" 2>>"$state/runs/$run.err" </dev/null
umask 022
if [ "$verb" = reset ]; then exec "$program" reset --force -o jsonl; fi
exec "$program" "$verb" --config "$running/$run/config.yaml" -o jsonl
"""

# Runs however the unit ended: the token is removed, the result is kept.
END = r"""
verb=$1 run=$2 state=$3 running=$4
umask 077
echo "${EXIT_CODE:-unknown} ${EXIT_STATUS:-}" >"$state/runs/$run.status"
if [ "${EXIT_CODE:-} ${EXIT_STATUS:-}" = 'exited 0' ]; then
  if [ "$verb" = reset ]; then
    rm -f "$state/applied.json"
  else
    cp "$running/$run/applied.json" "$state/.applied.new"
    sync "$state/.applied.new"
    mv "$state/.applied.new" "$state/applied.json"
  fi
fi
rm -rf "${running:?}/$run"
"""
