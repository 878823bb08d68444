// The certificate of the API: its files, and when they are read again.

package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// certificateInterval is the time between two looks at the files.
	certificateInterval = 10 * time.Second
	// expiryWarning is how long before the end of a certificate warnings begin. They
	// are repeated after expiryRepeat.
	expiryWarning = 30 * 24 * time.Hour
	expiryRepeat  = 24 * time.Hour
	// maxCertificateFile is the size in bytes of each file.
	maxCertificateFile = 1 << 20
)

// A certificate is a certificate and its key in two files, which may be replaced
// while the server runs. New connections use the new pair; the old one stays in use
// while the files are not a pair, as between the replacement of one file and of the
// other.
//
// The files are compared by their content, so that it does not matter how they are
// replaced: in place, by renaming, or by a symbolic link as in a Kubernetes secret.
type certificate struct {
	certFile, keyFile string
	logger            *slog.Logger

	current atomic.Pointer[tls.Certificate]
	// Only the goroutine that calls refresh uses these.
	failure string    // that was logged last; empty after a success
	warned  time.Time // when warn logged something last
}

// openCertificate reads a certificate. It returns nil if there is none.
func openCertificate(certFile, keyFile string, logger *slog.Logger) (*certificate, error) {
	switch {
	case certFile == "" && keyFile == "":
		return nil, nil
	case certFile == "" || keyFile == "":
		return nil, errors.New("a TLS certificate and its key belong together: set both files or none")
	}
	c := &certificate{certFile: certFile, keyFile: keyFile, logger: logger}
	if _, err := c.load(); err != nil {
		return nil, fmt.Errorf("the TLS certificate: %w", err)
	}
	c.warn(time.Now())
	return c, nil
}

// config returns the TLS configuration of a server with the certificate.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// Run looks at the files again and again until ctx is done.
func (c *certificate) Run(ctx context.Context) error {
	ticker := time.NewTicker(certificateInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			c.refresh(time.Now())
		}
	}
}

// refresh uses what the files have now, if they are a pair. It logs a failure once,
// until it is another one.
func (c *certificate) refresh(now time.Time) {
	changed, err := c.load()
	switch {
	case err == nil:
		c.failure = ""
	case err.Error() != c.failure:
		c.failure = err.Error()
		c.logger.Warn("the TLS certificate cannot be read again; the one that was read before stays in use", "error", err)
	}
	if changed {
		c.warned = time.Time{}
		c.logger.Info("a new TLS certificate is in use", "file", c.certFile, "not_after", c.current.Load().Leaf.NotAfter)
	}
	c.warn(now)
}

// load reads the files and uses them if they are a pair. It reports whether the
// certificate is another one than before.
func (c *certificate) load() (changed bool, err error) {
	certPEM, certErr := readCertificateFile(c.certFile)
	keyPEM, keyErr := readCertificateFile(c.keyFile)
	if err := errors.Join(certErr, keyErr); err != nil {
		return false, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return false, err
	}
	if old := c.current.Load(); old != nil && slices.EqualFunc(old.Certificate, pair.Certificate, bytes.Equal) {
		return false, nil
	}
	c.current.Store(&pair)
	return true, nil
}

// readCertificateFile reads a file of at most maxCertificateFile bytes.
func readCertificateFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxCertificateFile+1))
	if err == nil && len(text) > maxCertificateFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxCertificateFile)
	}
	return text, err
}

// warn logs a certificate that clients refuse, or will soon, at most once a day.
func (c *certificate) warn(now time.Time) {
	if now.Sub(c.warned) < expiryRepeat {
		return
	}
	leaf := c.current.Load().Leaf
	const cure = "replace the files; they are read again without a restart"
	switch {
	case now.After(leaf.NotAfter):
		c.logger.Error("the TLS certificate has expired, and clients refuse it; "+cure, "file", c.certFile, "not_after", leaf.NotAfter)
	case now.Before(leaf.NotBefore):
		c.logger.Error("the TLS certificate is not valid yet, and clients refuse it; "+cure, "file", c.certFile, "not_before", leaf.NotBefore)
	case leaf.NotAfter.Sub(now) < expiryWarning:
		c.logger.Warn("the TLS certificate expires soon; "+cure, "file", c.certFile, "not_after", leaf.NotAfter, "days", int(leaf.NotAfter.Sub(now).Hours()/24))
	default:
		return
	}
	c.warned = now
}
