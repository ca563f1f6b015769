# SPDX-License-Identifier: Apache-2.0
# Steps with a plain summary at the end. Source it; then: step NAME COMMAND…, summary.
# A failing step shows its output and does not stop the others.

names=() results=() times=() failed=0
step() {
  local name=$1 log start=$SECONDS; shift
  log=$(mktemp)
  printf '── %s\n' "$name"
  if ("$@") >"$log" 2>&1; then # in a subshell, whatever it does to the folder
    results+=("ok")
    [[ -z ${STEP_SHOW:-} ]] || cat "$log"
  else
    results+=("FAILED"); failed=$((failed + 1))
    cat "$log"
  fi
  rm -f "$log"
  names+=("$name"); times+=($((SECONDS - start)))
}
summary() {
  printf '\n'
  for i in "${!names[@]}"; do printf '%-8s %4d s  %s\n' "${results[$i]}" "${times[$i]}" "${names[$i]}"; done
  printf '\n%d passed, %d failed\n' $((${#names[@]} - failed)) "$failed"
  ((failed == 0))
}
