# The layers of src/: awk -f layers.awk src/*/*.[ch]
# A folder includes itself and folders of a LOWER rank; an equal one is refused, so is a folder without one.
# The layers below config/ return errors and log nothing, so they do not see base/log.h either.
BEGIN {
        split("base:0 model:1 io:1 api:2 store:2 receiver:2 config:3 engine:4 daemon:5 ctl:5", table, " ")
        for (i in table) {
                split(table[i], pair, ":")
                rank[pair[1]] = pair[2] + 0
        }
        LOGS_FROM = 3
}

function complain(what) {
        printf "%s:%d: %s\n", FILENAME, FNR, what
        n_errors++
}

FNR == 1 {
        n = split(FILENAME, path, "/")
        from = path[n - 1]
        n_files++
        if (!(from in rank))
                complain("\"" from "/\" is no layer: rank it in tests/tools/layers.awk")
}

!/^[ \t]*#[ \t]*include[ \t]*["<]/ { next }

{
        match($0, /["<][^">]*[">]/)
        quoted = substr($0, RSTART, 1) == "\""
        name = substr($0, RSTART + 1, RLENGTH - 2)
        n_parts = split(name, part, "/")
        to = part[1]
        if (!quoted) {
                if (n_parts > 1 && (to in rank))
                        complain("<" name "> is ours: include \"" name "\"")
                next
        }
        if (n_parts != 2 || !(to in rank)) {
                complain("include \"" name "\" is not of the form \"layer/module.h\"")
                next
        }
        if (!(from in rank))
                next
        if (to != from && rank[to] >= rank[from])
                complain(from "/ (rank " rank[from] ") may not include \"" name "\" (rank " rank[to] ")")
        if (name == "base/log.h" && rank[from] < LOGS_FROM && FILENAME !~ /(^|\/)base\/log[^\/]*\.[ch]$/)
                complain(from "/ logs nothing, it returns errors: no \"base/log.h\" here")
}

END {
        printf "check-layers: %d files, %d errors\n", n_files, n_errors
        exit n_errors > 0
}
