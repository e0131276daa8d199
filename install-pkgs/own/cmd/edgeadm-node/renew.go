package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"edgeadm/own/internal/kubeapi"
)

// A certificate is renewed when less than this part of its lifetime is left.
const lastPart = 3

const poll = 200 * time.Millisecond

// renewal renews a certificate and has it served.
type renewal struct {
	file     string
	before   time.Duration
	roots    *x509.CertPool
	cluster  *kubeapi.Client
	served   func() ([]byte, error)
	restart  func() error
	patience time.Duration
}

// run renews the certificate if it is due, and restarts its server if that serves another one. An interrupted run is
// completed by the next one.
func (r renewal) run(now time.Time) error {
	current, err := readPair(r.file)
	if err != nil {
		return fmt.Errorf("%s: %w", r.file, err)
	}
	if r.due(current, now) {
		log.Printf("valid until %s: renewing", current.NotAfter.Format(time.RFC3339))
		if err := r.renew(current, now); err != nil {
			return err
		}
		if current, err = readPair(r.file); err != nil {
			return fmt.Errorf("%s: %w", r.file, err)
		}
	}
	log.Printf("valid until %s", current.NotAfter.Format(time.RFC3339))
	return r.serve(current)
}

// due returns whether the certificate must be renewed.
func (r renewal) due(current *x509.Certificate, now time.Time) bool {
	before := r.before
	if before == 0 {
		before = current.NotAfter.Sub(current.NotBefore) / lastPart
	}
	return current.NotAfter.Sub(now) < before
}

// renew requests a certificate with a new key, verifies it, and writes both.
func (r renewal) renew(old *x509.Certificate, now time.Time) error {
	key, keyPEM, err := newKey()
	if err != nil {
		return err
	}
	request, err := newRequest(old, key)
	if err != nil {
		return err
	}
	id, err := keyID(key)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("lite-apiserver-%s-%s", strings.TrimPrefix(old.Subject.CommonName, "system:node:"), id)
	if err := submit(r.cluster, name, request); err != nil {
		return err
	}
	certificate, err := r.await(name)
	if err != nil {
		return err
	}
	if reason := unfit(certificate, key, old, r.roots, now); reason != "" {
		return fmt.Errorf("the certificate of %s cannot be used: %s", name, reason)
	}
	return replacePair(r.file, certificate, keyPEM)
}

// await waits until the request has a certificate.
func (r renewal) await(name string) ([]byte, error) {
	for end := time.Now().Add(r.patience); ; time.Sleep(poll) {
		certificate, err := issued(r.cluster, name)
		if err != nil || len(certificate) > 0 {
			return certificate, err
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("the request %s was not approved within %s", name, r.patience)
		}
	}
}

// serve restarts the server if it does not serve the certificate of the file.
func (r renewal) serve(current *x509.Certificate) error {
	if found, err := r.served(); err == nil && bytes.Equal(found, current.Raw) {
		return nil
	}
	log.Print("another certificate is served: restarting the server")
	if err := r.restart(); err != nil {
		return fmt.Errorf("restart of the server: %w", err)
	}
	for end := time.Now().Add(r.patience); ; time.Sleep(poll) {
		found, err := r.served()
		if err == nil && bytes.Equal(found, current.Raw) {
			return nil
		}
		if time.Now().After(end) {
			return errors.Join(errors.New("the new certificate is not served after a restart"), err)
		}
	}
}
