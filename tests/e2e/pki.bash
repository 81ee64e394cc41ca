# shellcheck shell=bash
# A public key infrastructure of one test:
#
#   make_pki        $T/ca.pem, and signed by it $T/NAME.pem with $T/NAME.key: server (for sim.example,
#                   127.0.0.1 and ::1), other (for other.example), expired, early (valid from tomorrow), and
#                   for clients alice and bob

make_pki() {
        (
                cd "$T" || exit 1
                touch index.txt
                cat >ca.conf <<-CONF
			[ca]
			default_ca = own
			[own]
			database = index.txt
			new_certs_dir = .
			rand_serial = yes
			default_md = sha256
			policy = any
			unique_subject = no
			copy_extensions = copy
			[any]
			commonName = supplied
		CONF
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
                        -out ca.pem -days 2 -subj /CN=own-authority
                make_leaf server DNS:sim.example,IP:127.0.0.1,IP:::1 -1 +2
                make_leaf other DNS:other.example -1 +2
                make_leaf expired DNS:sim.example,IP:127.0.0.1 -2 -1
                make_leaf early DNS:sim.example,IP:127.0.0.1 +1 +2
                make_leaf alice DNS:alice -1 +2
                make_leaf bob DNS:bob -1 +2
        ) >"$T/pki.log" 2>&1 || {
                cat "$T/pki.log"
                return 1
        }
}

# NAME SUBJECT_ALT_NAMES FROM TO, in days from today
make_leaf() {
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" \
                -subj "/CN=$1" -addext "subjectAltName=$2" &&
                openssl ca -batch -config ca.conf -cert ca.pem -keyfile ca.key -in "$1.csr" \
                        -out "$1.pem" -notext \
                        -startdate "$(date -u -d "$3 day" +%Y%m%d%H%M%SZ)" \
                        -enddate "$(date -u -d "$4 day" +%Y%m%d%H%M%SZ)"
}
