#compdef git-cairn
#description deployments that are marked, backups that are proven, and a way back

local -a asked found
local line word
if [[ $words[1] == cairn ]]; then
  # Called by the completion of git, which has parsed its own options.
  asked=(git)
  (( $+opt_args[-C] )) && asked+=(-C ${(Q)${~opt_args[-C]}})
  asked+=(cairn)
else
  asked=(git-cairn)
fi
asked+=(complete -- git-cairn "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}")

local offered
if ! offered=$($asked 2>/dev/null); then
  # A path belongs here.
  [[ $PREFIX == -* ]] && compset -P '*='
  _files
  return
fi
for line in ${(f)offered}; do
  word=${line%% *}
  found+=("${word//:/\\:}:${line#* }")
done
_describe -V 'git cairn' found
