package docker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker/cli/cli/context"
	dockercontext "github.com/docker/cli/cli/context/docker"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// authority signs certificates for one test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	PEM         string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "isolab test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

// issue signs a certificate for 127.0.0.1, for servers and clients.
func (a authority) issue(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "isolab test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.certificate, private.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}))
}

// serveTLS puts TLS that asks for a client certificate in front of the real engine, and tells the host.
func serveTLS(t *testing.T, socket string, ca authority) string {
	t.Helper()
	certificate, key := ca.issue(t)
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(ca.certificate)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go forward(listener, func() (net.Conn, error) { return net.Dial("unix", socket) }, func() {})
	return "tcp://" + listener.Addr().String()
}

// forward copies every connection that a listener accepts to a dialled one.
func forward(listener net.Listener, dial func() (net.Conn, error), accepted func()) {
	for {
		from, err := listener.Accept()
		if err != nil {
			return
		}
		accepted()
		go func() {
			defer from.Close()
			to, err := dial()
			if err != nil {
				return
			}
			defer to.Close()
			go func() {
				defer from.Close()
				_, _ = io.Copy(from, to)
			}()
			_, _ = io.Copy(to, from)
		}()
	}
}

func TestAccConnectTLS(t *testing.T) {
	socket := realSocket(t)
	isolate(t)
	ca, stranger := newAuthority(t), newAuthority(t)
	host := serveTLS(t, socket, ca)
	certificate, key := ca.issue(t)

	if err := connect(t, Options{Host: host, TLS: &TLS{ca.PEM, certificate, key}}); err != nil {
		t.Errorf("with the right material: %v", err)
	}
	err := connect(t, Options{Host: host, TLS: &TLS{stranger.PEM, certificate, key}})
	wantOptionError(t, err, OptionTLS, engine.ErrUnavailable, "certificate", "Give the certificate authority")

	// A client certificate without a CA must not switch verification off.
	err = connect(t, Options{Host: host, TLS: &TLS{Certificate: certificate, Key: key}})
	wantOptionError(t, err, OptionTLS, engine.ErrUnavailable, "unknown authority")

	err = connect(t, Options{Host: host, TLS: &TLS{CA: ca.PEM}})
	wantOptionError(t, err, OptionTLS, engine.ErrUnavailable, "certificate required")
}

func TestAccConnectCertPath(t *testing.T) {
	socket := realSocket(t)
	isolate(t)
	ca := newAuthority(t)
	host := serveTLS(t, socket, ca)
	certificate, key := ca.issue(t)
	folder := t.TempDir()
	for name, text := range map[string]string{"ca.pem": ca.PEM, "cert.pem": certificate, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	if err := connect(t, Options{Host: host, CertPath: folder}); err != nil {
		t.Errorf("cert_path: %v", err)
	}
	t.Setenv("DOCKER_HOST", host)
	t.Setenv("DOCKER_CERT_PATH", folder)
	if err := connect(t, Options{}); err == nil {
		t.Error("DOCKER_CERT_PATH alone must not mean TLS, as for Docker's own command")
	}
	t.Setenv("DOCKER_TLS_VERIFY", "1")
	if err := connect(t, Options{}); err != nil {
		t.Errorf("DOCKER_TLS_VERIFY: %v", err)
	}
	// Docker's command would not verify here. We do.
	t.Setenv("DOCKER_TLS_VERIFY", "")
	t.Setenv("DOCKER_TLS", "1")
	if err := os.Remove(filepath.Join(folder, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	wantOptionError(t, connect(t, Options{}), OptionCertPath, engine.ErrUnavailable, "unknown authority")

	if err := os.Remove(filepath.Join(folder, "key.pem")); err != nil {
		t.Fatal(err)
	}
	wantOptionError(t, connect(t, Options{Host: host, CertPath: folder}), OptionCertPath, nil, "without its key")
	wantOptionError(t, connect(t, Options{Host: host, CertPath: t.TempDir()}), OptionCertPath, nil, "holds none of")
}

func TestAccConnectContextTLS(t *testing.T) {
	socket := realSocket(t)
	isolate(t)
	ca := newAuthority(t)
	host := serveTLS(t, socket, ca)
	certificate, key := ca.issue(t)

	material := &context.TLSData{CA: []byte(ca.PEM), Cert: []byte(certificate), Key: []byte(key)}
	writeContext(t, "secured", dockercontext.EndpointMeta{Host: host}, material)
	if err := connect(t, Options{Context: "secured"}); err != nil {
		t.Errorf("with the context's TLS material: %v", err)
	}
	material.CA = nil
	writeContext(t, "rootless", dockercontext.EndpointMeta{Host: host}, material)
	err := connect(t, Options{Context: "rootless"})
	wantOptionError(t, err, OptionContext, engine.ErrUnavailable, "unknown authority")
}
