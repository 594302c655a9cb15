package docker

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/docker/docker/client"
	"github.com/docker/go-connections/tlsconfig"
)

// TLS is what protects a tcp:// connection, as PEM text. Nothing in it switches the verification of the engine's
// certificate off: without a CA, the system's roots decide.
type TLS struct {
	CA          string
	Certificate string // needs Key
	Key         string // needs Certificate
}

// config is the material in the form that connections need; nil for nil.
func (t *TLS) config() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	config := tlsconfig.ClientDefault()
	if t.CA != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(t.CA)) {
			return nil, errors.New("the CA holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
		}
	}
	switch {
	case t.Certificate == "" && t.Key == "":
		return config, nil
	case t.Key == "":
		return nil, errors.New("there is a client certificate without its key: give both certificate and key, or neither")
	case t.Certificate == "":
		return nil, errors.New("there is a client key without its certificate: give both certificate and key, or neither")
	}
	pair, err := tls.X509KeyPair([]byte(t.Certificate), []byte(t.Key))
	if err != nil {
		return nil, fmt.Errorf("the client certificate and its key cannot be used together: %w. Both must be unencrypted PEM text, and belong to each other", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

var errNoMaterial = errors.New("it holds none of ca.pem, cert.pem and key.pem")

// readTLS reads ca.pem, cert.pem and key.pem, as Docker's command names them, out of a folder. Each may be missing, but
// not all of them.
func readTLS(folder string) (*TLS, error) {
	var material TLS
	found := 0
	for name, text := range map[string]*string{"ca.pem": &material.CA, "cert.pem": &material.Certificate, "key.pem": &material.Key} {
		content, err := os.ReadFile(filepath.Join(folder, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, fmt.Errorf("reading TLS material: %w", err)
		}
		*text = string(content)
		found++
	}
	if found == 0 {
		return nil, fmt.Errorf("folder %s: %w", folder, errNoMaterial)
	}
	return &material, nil
}

// environmentTLS is the material that Docker's command uses when DOCKER_TLS_VERIFY or DOCKER_TLS is set. Its default
// folder may be empty: then the system's roots decide.
func environmentTLS() (*TLS, error) {
	if folder := os.Getenv(client.EnvOverrideCertPath); folder != "" {
		material, err := readTLS(folder)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", client.EnvOverrideCertPath, err)
		}
		return material, nil
	}
	material, err := readTLS(configDir())
	if errors.Is(err, errNoMaterial) {
		return &TLS{}, nil
	}
	return material, err
}

// isCertificateError reports whether a connection failed because one side did not accept the other's certificate.
func isCertificateError(err error) bool {
	var unverified *tls.CertificateVerificationError
	// What the other side said against ours arrives as an alert, whose type is private to crypto/tls.
	var alert *net.OpError
	return errors.As(err, &unverified) || errors.As(err, &alert) && alert.Op == "remote error"
}
