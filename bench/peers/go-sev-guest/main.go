// Go's go-sev-guest behind the peers' protocol (bench/peers/README.md): one JSON request a line in, one JSON answer a line out.
//
// Asked are verify (chain, signature) and validate (levels and chip id against the certificate), the latter with a policy that permits
// every guest policy and provisional firmware, because Assay reports those as claims. Nothing is fetched; the AMD roots are the peer's
// own unless the request names others. A CRL, when the request has one, must be the root's: the peer looks only for the ASK in it.
package main

import (
	"crypto/x509"
	"time"

	"github.com/google/go-sev-guest/abi"
	"github.com/google/go-sev-guest/kds"
	pb "github.com/google/go-sev-guest/proto/sevsnp"
	"github.com/google/go-sev-guest/validate"
	"github.com/google/go-sev-guest/verify"
	"github.com/google/go-sev-guest/verify/trust"

	"protocol"
)

type request struct {
	At           int64 // seconds since the epoch
	Evidence     []byte
	Root         []byte // DER of the ARK; AMD's when absent
	Intermediate []byte // DER of ASK or ASVK
	Key          []byte // DER of VCEK or VLEK
	Crl          []byte // DER
	Product      string // product line: Milan, Genoa, Turin
}

// file answers every URL with the CRL.
type file []byte

func (f file) Get(string) ([]byte, error) { return f, nil }

// roots are the request's, or the peer's own with the ASVK of the request, which the peer has none of; nil lets the peer take its own.
func roots(r *request, vlek bool) (map[string][]*trust.AMDRootCerts, error) {
	if r.Root == nil && !vlek {
		return nil, nil
	}
	intermediate, err := x509.ParseCertificate(r.Intermediate)
	if err != nil {
		return nil, err
	}
	root := &trust.AMDRootCerts{ProductLine: r.Product, ProductCerts: &trust.ProductCerts{Ask: intermediate}}
	if vlek {
		root.ProductCerts = &trust.ProductCerts{Asvk: intermediate}
	}
	if r.Root == nil {
		own, err := trust.GetDefaultRootCerts(r.Product)
		if err != nil {
			return nil, err
		}
		root.ProductCerts.Ark = own.ProductCerts.Ark
	} else if root.ProductCerts.Ark, err = x509.ParseCertificate(r.Root); err != nil {
		return nil, err
	}
	return map[string][]*trust.AMDRootCerts{r.Product: {root}}, nil
}

func verifyOnce(r *request) error {
	report, err := abi.ReportToProto(r.Evidence)
	if err != nil {
		return err
	}
	signer, err := abi.ParseSignerInfo(report.SignerInfo)
	if err != nil {
		return err
	}
	vlek := signer.SigningKey == abi.VlekReportSigner
	chain := &pb.CertificateChain{VcekCert: r.Key}
	if vlek {
		chain = &pb.CertificateChain{VlekCert: r.Key}
	}
	trusted, err := roots(r, vlek)
	if err != nil {
		return err
	}
	attestation := &pb.Attestation{Report: report, CertificateChain: chain}
	options := &verify.Options{
		DisableCertFetching: true,
		Now:                 time.Unix(r.At, 0),
		TrustedRoots:        trusted,
		CheckRevocations:    r.Crl != nil,
		Getter:              file(r.Crl),
	}
	if err := verify.SnpAttestation(attestation, options); err != nil {
		return err
	}
	everything := abi.SnpPolicy{SMT: true, MigrateMA: true, Debug: true, CXLAllowed: true}
	return validate.SnpAttestation(attestation, &validate.Options{
		GuestPolicy:               everything,
		MinimumTCB:                kds.TCBParts{},
		PermitProvisionalFirmware: true,
	})
}

func main() {
	protocol.Serve("accepted", verifyOnce)
}
