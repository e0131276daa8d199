package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"time"

	"edgeadm/own/internal/durable"
)

// readPair reads the certificate of a file that contains it together with its key. One file means that both change
// together.
func readPair(file string) (*x509.Certificate, error) {
	found, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(found.Certificate[0])
}

// replacePair replaces the certificate and its key atomically. It removes temporary files that an interrupted run left,
// because they may contain a key.
func replacePair(file string, certificate, key []byte) error {
	durable.Sweep(filepath.Dir(file))
	return durable.Write(file, slices.Concat(key, certificate), 0o600)
}

// newKey creates a private key. It remains in memory until it is written together with its certificate.
func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// newRequest requests the contents of the old certificate with the new key.
func newRequest(old *x509.Certificate, key *ecdsa.PrivateKey) ([]byte, error) {
	template := &x509.CertificateRequest{
		RawSubject:  old.RawSubject,
		DNSNames:    old.DNSNames,
		IPAddresses: old.IPAddresses,
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

// keyID is a short name of a key, from its public half; `edgeadm join` names requests in the same way.
func keyID(key *ecdsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])[:10], nil
}

// unfit returns the reason why a new certificate cannot replace the old one; empty if it can.
func unfit(certificate []byte, key *ecdsa.PrivateKey, old *x509.Certificate, roots *x509.CertPool, now time.Time) string {
	block, _ := pem.Decode(certificate)
	if block == nil || block.Type != "CERTIFICATE" {
		return "it is not a certificate"
	}
	found, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err.Error()
	}
	if !key.PublicKey.Equal(found.PublicKey) {
		return "it is for another key"
	}
	options := x509.VerifyOptions{
		Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if _, err := found.Verify(options); err != nil {
		return err.Error()
	}
	if found.Subject.String() != old.Subject.String() {
		return fmt.Sprintf("it is for %s", found.Subject)
	}
	for _, name := range names(old) {
		if err := found.VerifyHostname(name); err != nil {
			return err.Error()
		}
	}
	if !found.NotAfter.After(old.NotAfter) {
		return "it does not expire later than the old one"
	}
	return ""
}

// names returns all names and addresses of a certificate.
func names(certificate *x509.Certificate) []string {
	found := append([]string{}, certificate.DNSNames...)
	for _, address := range certificate.IPAddresses {
		found = append(found, address.String())
	}
	return found
}

// servedAt returns the certificate, in DER, that is served at an address. The result is only compared, not trusted.
func servedAt(address string) ([]byte, error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	connection, err := tls.DialWithDialer(dialer, "tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	return connection.ConnectionState().PeerCertificates[0].Raw, nil
}
