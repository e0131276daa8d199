package clock

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	epoch  = time.Unix(60, 0)
	issued = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	end    = issued.AddDate(10, 0, 0)
)

// machine has a clock of its own.
type machine struct {
	t           *testing.T
	folder      string
	now         time.Time
	set         []time.Time
	refuses     bool
	said        []string
	certificate string
}

func newMachine(t *testing.T) *machine {
	m := &machine{t: t, folder: t.TempDir(), now: epoch}
	m.certificate = m.signed("kubelet.pem", issued, end)
	return m
}

// signed writes a file with a key and a certificate.
func (m *machine) signed(name string, from, to time.Time) string {
	m.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		m.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		m.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		m.t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	path := filepath.Join(m.folder, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		m.t.Fatal(err)
	}
	return path
}

func (m *machine) snapshot() string { return filepath.Join(m.folder, "snapshot") }
func (m *machine) note() string     { return filepath.Join(m.snapshot(), ".node", "clock") }

// leaves writes a file to the snapshot, with this time.
func (m *machine) leaves(name string, at time.Time) {
	m.t.Helper()
	path := filepath.Join(m.snapshot(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		m.t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, at, at)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) repair(certificates ...string) {
	clock := Clock{
		func() time.Time { return m.now },
		func(to time.Time) error {
			if m.refuses {
				return errors.New("operation not permitted")
			}
			m.now, m.set = to, append(m.set, to)
			return nil
		},
	}
	clock.Repair(certificates, m.snapshot(), m.note(), func(format string, args ...any) {
		m.said = append(m.said, fmt.Sprintf(format, args...))
	})
}

func TestAResetClockIsSetForwardToTheLastKnownTime(t *testing.T) {
	for what, each := range map[string]struct {
		prepare func(*machine)
		wanted  time.Time
	}{
		"a certificate":              {func(*machine) {}, issued},
		"an entry of the cache":      {func(m *machine) { m.leaves("x_v1__pods___list", issued.AddDate(0, 2, 0)) }, issued.AddDate(0, 2, 0)},
		"what was noted":             {func(m *machine) { m.leaves(".node/clock", issued.AddDate(0, 3, 0)) }, issued.AddDate(0, 3, 0)},
		"files from before":          {func(m *machine) { m.leaves("x", issued.AddDate(-1, 0, 0)) }, issued},
		"later than any certificate": {func(m *machine) { m.leaves("x", end.AddDate(0, 0, 1)) }, issued},
		"noted at a wrong time":      {func(m *machine) { m.leaves(".node/clock", end.AddDate(9, 0, 0)) }, issued},
		"an entry of the last minute": {func(m *machine) {
			m.leaves(".node/clock", issued.AddDate(0, 1, 0))
			m.leaves("x", issued.AddDate(0, 1, 0).Add(time.Minute))
		}, issued.AddDate(0, 1, 0).Add(time.Minute)},
		"an entry of a wrong time": {func(m *machine) {
			m.leaves(".node/clock", issued.AddDate(0, 1, 0))
			m.leaves("x", issued.AddDate(4, 0, 0))
		}, issued.AddDate(0, 1, 0)},
	} {
		t.Run(what, func(t *testing.T) {
			m := newMachine(t)
			each.prepare(m)
			m.repair(m.certificate)
			if len(m.set) != 1 || !m.set[0].Equal(each.wanted) {
				t.Fatal(m.set, m.said)
			}
			if len(m.said) != 1 || !strings.Contains(m.said[0], "1970-01-01T00:01:00Z") || !strings.Contains(m.said[0], each.wanted.Format(time.RFC3339)) {
				t.Fatal(m.said)
			}
			m.repair(m.certificate)
			if len(m.set) != 1 || len(m.said) != 1 {
				t.Fatal("it was done twice", m.said)
			}
		})
	}
}

func TestTheNewestOfSeveralCertificatesCounts(t *testing.T) {
	m := newMachine(t)
	later := m.signed("later.pem", issued.AddDate(1, 0, 0), issued.AddDate(2, 0, 0))
	early := m.signed("early.pem", issued.AddDate(-1, 0, 0), issued)
	m.leaves("x", issued.AddDate(5, 0, 0)) // after the end of two, not of the third
	m.repair(early, later, m.certificate)
	if len(m.set) != 1 || !m.set[0].Equal(issued.AddDate(5, 0, 0)) {
		t.Fatal(m.set)
	}
}

func TestAClockIsNeverSetBackward(t *testing.T) {
	m := newMachine(t)
	m.now = issued.AddDate(20, 0, 0)
	m.leaves(".node/clock", issued.AddDate(1, 0, 0))
	m.repair(m.certificate)
	if m.set != nil || m.said != nil {
		t.Fatal(m.set, m.said)
	}
}

func TestAFailureToSetTheClockIsReported(t *testing.T) {
	m := newMachine(t)
	m.refuses = true
	m.repair(m.certificate)
	if len(m.said) != 1 || !strings.Contains(m.said[0], "cannot be set: operation not permitted") {
		t.Fatal(m.said)
	}
}

func TestInvalidFilesAreReportedAndTheOthersCount(t *testing.T) {
	m := newMachine(t)
	broken := filepath.Join(m.folder, "broken.pem")
	for _, text := range []string{"", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		m.now, m.set, m.said = epoch, nil, nil
		if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m.repair(filepath.Join(m.folder, "none.pem"), broken, m.certificate)
		if len(m.set) != 1 || !m.set[0].Equal(issued) || len(m.said) != 3 {
			t.Fatal(m.set, m.said)
		}
	}
	m.set = nil
	m.now = epoch
	m.repair(broken)
	if m.set != nil {
		t.Fatal("the time is not known", m.set)
	}
}
