# House rules that no compiler knows: LC_ALL=C awk -f style.awk FILE.c FILE.h ...
# Comments and the insides of strings do not count as code. Widths are checked elsewhere (in characters).
BEGIN {
        FILE_MAX = 500
        FUNCTION_MAX = 60       # in src/ only
        n = split("strcpy strcat sprintf vsprintf strtok atoi atol atof strtol sscanf gets " \
                  "gmtime localtime ctime asctime system popen", words, " ")
        for (i = 1; i <= n; i++)
                banned[words[i]] = 1
}

function complain(line, what) {
        printf "%s:%d: %s\n", file, line, what
        n_errors++
}

function end_of_file() {
        if (!file)
                return
        if (n_lines > FILE_MAX)
                complain(n_lines, "the file has " n_lines " lines, " FILE_MAX " are allowed")
        if (file ~ /\.h$/ && !pragma)
                complain(1, "a header opens with #pragma once")
}

function end_of_function(n) {
        if (n > FUNCTION_MAX && file ~ /(^|\/)src\//)
                complain(function_line, "the function has " n " lines, " FUNCTION_MAX " are allowed")
}

FNR == 1 {
        end_of_file()
        file = FILENAME; in_comment = 0; depth = 0; last = ""; pragma = 0; in_macro = 0; function_line = 0
        n_files++
}

{
        n_lines = FNR
        line = $0
        if (line ~ /\t/)
                complain(FNR, "a tab; eight spaces are the indent")
        if (line ~ /[ \r]$/)
                complain(FNR, "white space at the end of the line")
        if (line ~ /^#pragma once/)
                pragma = 1
        if (line ~ /^#include/ && included[file, line]++)
                complain(FNR, "included above already")

        # Leave code only: comments go, strings and characters become empty ones.
        code = ""
        while (line != "") {
                if (in_comment) {
                        at = index(line, "*/")
                        if (!at)
                                break
                        line = substr(line, at + 2)
                        in_comment = 0
                        continue
                }
                if (!match(line, /\/\*|\/\/|"|'/)) {
                        code = code line
                        break
                }
                token = substr(line, RSTART, RLENGTH)
                code = code substr(line, 1, RSTART - 1)
                line = substr(line, RSTART + RLENGTH)
                if (token == "/*") {
                        in_comment = 1
                } else if (token == "//") {
                        complain(FNR, "a // comment")
                        break
                } else {
                        code = code token token
                        while (line != "" && substr(line, 1, 1) != token)
                                line = substr(line, substr(line, 1, 1) == "\\" ? 3 : 2)
                        line = substr(line, 2)
                }
        }

        # Banned calls, also by a function pointer's name.
        rest = code
        while (match(rest, /[A-Za-z_][A-Za-z_0-9]*/)) {
                word = substr(rest, RSTART, RLENGTH)
                before = substr(rest, 1, RSTART - 1)
                rest = substr(rest, RSTART + RLENGTH)
                if ((word in banned) && rest ~ /^[ ]*\(/ && before !~ /(->|\.)$/)
                        complain(FNR, word "() is banned")
        }

        # Functions: a brace opened at depth 0 behind a closing parenthesis.
        if (in_macro || code ~ /^[ ]*#/) {
                in_macro = code ~ /\\$/
                next
        }
        for (i = 1; i <= length(code); i++) {
                c = substr(code, i, 1)
                if (c == "{") {
                        if (depth++ == 0)
                                function_line = last == ")" ? FNR : 0
                } else if (c == "}") {
                        if (--depth == 0 && function_line) {
                                end_of_function(FNR - function_line + 1)
                                function_line = 0
                        }
                }
                if (c != " ")
                        last = c
        }
}

END {
        end_of_file()
        printf "check-style: %d files, %d errors\n", n_files, n_errors
        exit n_errors > 0
}
