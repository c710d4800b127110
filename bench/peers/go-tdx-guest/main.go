// Go's go-tdx-guest behind the peers' protocol (bench/peers/README.md): one JSON request a line in, one JSON answer a line out.
//
// Revocation and collateral checks are switched on; collateral comes from the request instead of the network. The peer knows quotes of
// version 4 only and takes every status but UpToDate for an error. Debug mode, measurements and report data are the business of its
// validate package, which is not asked, because Assay reports them as claims.
package main

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-tdx-guest/verify"

	"protocol"
)

type request struct {
	At         int64 // seconds since the epoch
	Evidence   []byte
	Root       []byte // DER; Intel's when absent
	Collateral map[string]string
}

// files answers Intel's URLs with the pieces of a collateral file.
type files map[string]string

func (f files) Get(address string) (map[string][]string, []byte, error) {
	signed := func(header, chain, member, body, signature string) (map[string][]string, []byte, error) {
		if f[body] == "" {
			return nil, nil, errors.New("404")
		}
		text := `{"` + member + `":` + f[body] + `,"signature":"` + f[signature] + `"}`
		return map[string][]string{header: {url.QueryEscape(f[chain])}}, []byte(text), nil
	}
	list := func(name string) ([]byte, error) {
		if f[name] == "" {
			return nil, errors.New("404")
		}
		return hex.DecodeString(f[name])
	}
	switch {
	case strings.Contains(address, "/tcb?"):
		return signed("Tcb-Info-Issuer-Chain", "tcb_info_issuer_chain", "tcbInfo", "tcb_info", "tcb_info_signature")
	case strings.Contains(address, "/qe/identity"):
		return signed("Sgx-Enclave-Identity-Issuer-Chain", "qe_identity_issuer_chain", "enclaveIdentity", "qe_identity", "qe_identity_signature")
	case strings.Contains(address, "/pckcrl?"):
		body, err := list("pck_crl")
		return map[string][]string{"Sgx-Pck-Crl-Issuer-Chain": {url.QueryEscape(f["pck_crl_issuer_chain"])}}, body, err
	default:
		body, err := list("root_ca_crl")
		return nil, body, err
	}
}

func verifyOnce(r *request) error {
	options := &verify.Options{CheckRevocations: true, GetCollateral: true, Getter: files(r.Collateral), Now: time.Unix(r.At, 0)}
	if r.Root != nil {
		root, err := x509.ParseCertificate(r.Root)
		if err != nil {
			return err
		}
		options.TrustedRoots = x509.NewCertPool()
		options.TrustedRoots.AddCert(root)
	}
	return verify.RawTdxQuote(r.Evidence, options)
}

func main() {
	protocol.Serve("UpToDate", verifyOnce)
}
