# bash completion for git-cairn; for git cairn, git's own completion calls _git_cairn.

# Offers in COMPREPLY what the command that is given prints for the word $cur.
__git_cairn_offer ()
{
	local word help before=
	COMPREPLY=()
	# What stands before a character that breaks words is not what bash replaces.
	case $cur in
	*[=:]*) [[ $COMP_WORDBREAKS == *=* && $COMP_WORDBREAKS == *:* ]] && before=${cur%"${cur##*[=:]}"} ;;
	esac
	while IFS=' ' read -r word help; do
		word=${word#"$before"}
		case $word in
		*[!A-Za-z0-9_.,=@%/+-]*) printf -v word %q "$word" ;;
		esac
		# Bash is told to put no space after a word.
		case $word in
		*=) ;;
		*) word+=' ' ;;
		esac
		COMPREPLY+=("$word")
	done < <("$@" 2>/dev/null)
	# The newest comes first, where this bash can be told so.
	compopt -o nosort 2>/dev/null
}

_git_cairn ()
{
	local first=$((${__git_cmd_idx:-1} + 1))
	__git_cairn_offer __git cairn complete -- git-cairn "${words[@]:first:cword-first}" "$cur"
}

__git_cairn_main ()
{
	local cur=${COMP_WORDS[COMP_CWORD]} word glued= last=0
	local -a words=(git-cairn)
	# A word that bash broke at = or : is one word to us.
	for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
		if [[ $last -gt 0 && ( -n $glued || $word == [=:]* ) ]]; then
			words[last]+=$word
		else
			words[++last]=$word
		fi
		case $word in
		[=:]*) glued=yes ;;
		*) glued= ;;
		esac
	done
	cur=${words[last]}
	__git_cairn_offer git-cairn complete -- "${words[@]}"
}

complete -o bashdefault -o default -o nospace -F __git_cairn_main git-cairn
