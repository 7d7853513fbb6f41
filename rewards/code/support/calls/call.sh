# Calls one function of a bash program: the words that follow on stdin, each ended by NUL, are its arguments, what it prints is its value.
# The program is read and the function called in a subshell, so nothing that it defines is met here; PREFIX becomes a name that it cannot
# know. Usage: bash call.sh PROGRAM. See rewards/code/call_programs.py.
IFS= read -r PREFIX_token
IFS= read -r PREFIX_name
mapfile -d '' -t PREFIX_words
PREFIX_program=$1
set --
PREFIX_value=$(
  {
    . "$PREFIX_program" >&2
    if builtin declare -F "$PREFIX_name" >&2; then
      builtin printf '%s' "$PREFIX_token"
      "$PREFIX_name" "${PREFIX_words[@]}"
    else
      builtin printf '%s: no such function\n' "$PREFIX_name" >&2
    fi
  } </dev/null 3>&-
)
[[ $PREFIX_value == "$PREFIX_token"* ]] || exit 70
printf '%s' "$PREFIX_value" >&3
