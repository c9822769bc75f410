# fish completion for git-cairn and git cairn, in a folder of settings: fish's own completion of git asks no other file.

function __git_cairn_offer
    set -l asked git-cairn
    set -l words (commandline -opc) (commandline -ct)
    if test $words[1] = git
        # What git is told before the command holds for ours too.
        set -l at (contains -i -- cairn $words)
        or return
        set asked $words[1..$at]
        set words $words[$at..-1]
    end
    if set -l offered ($asked complete -- git-cairn $words[2..-1] 2>/dev/null)
        string replace ' ' \t -- $offered
    else
        # A path belongs here.
        __fish_complete_path (commandline -ct)
    end
end

complete -c git-cairn -f -k -a '(__git_cairn_offer)'
complete -c git -n '__fish_git_using_command cairn' -f -k -a '(__git_cairn_offer)'
