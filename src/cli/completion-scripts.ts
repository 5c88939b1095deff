// The shells' side of tab completion: they ask `drydock __complete WORDS…` for the candidates of the last word, one a
// line, a tab and an explanation after some. A line `:files` or `:folders` asks the shell to complete paths.

import type { SHELLS } from "./table/more.js"

const BASH = `# drydock completion for bash: source <(drydock completion bash)
_drydock() {
  local cur words cword line
  local IFS=$'\\n'
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n := cur words cword
  else
    cur=\${COMP_WORDS[COMP_CWORD]} words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD
  fi
  COMPREPLY=()
  while read -r line; do
    case $line in
      :files) COMPREPLY+=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null ;;
      :folders) COMPREPLY+=($(compgen -d -- "$cur")); compopt -o filenames 2>/dev/null ;;
      :commands) COMPREPLY+=($(compgen -c -- "$cur")) ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("\${COMP_WORDS[0]}" __complete -- "\${words[@]:1:cword}" 2>/dev/null)
  if [ "\${#COMPREPLY[@]}" -gt 0 ] && [ "\${COMPREPLY[0]%/}" != "\${COMPREPLY[0]}" ]; then compopt -o nospace 2>/dev/null; fi
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
}
complete -F _drydock drydock
`

const ZSH = `#compdef drydock
# drydock completion for zsh: source <(drydock completion zsh)
_drydock() {
  local -a found plain
  local line
  for line in "\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      '') ;;
      :files) _files ;;
      :folders) _files -/ ;;
      :commands) _command_names ;;
      *$'\\t'*) found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
      *) plain+=("$line") ;;
    esac
  done
  (( \${#found} )) && _describe drydock found
  (( \${#plain} )) && compadd -- "\${plain[@]}"
}
if [ "$funcstack[1]" = "_drydock" ]; then _drydock "$@"; else compdef _drydock drydock; fi
`

const FISH = `# drydock completion for fish: drydock completion fish > ~/.config/fish/completions/drydock.fish
function __drydock_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (drydock __complete -- $words[2..-1] 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':folders'
                __fish_complete_directories (commandline -ct)
            case ':commands'
                __fish_complete_command
            case '*'
                echo $line
        end
    end
end
complete -c drydock -f -a '(__drydock_complete)'
`

export function completionScript(shell: (typeof SHELLS)[number]): string {
  return { bash: BASH, zsh: ZSH, fish: FISH }[shell]
}
