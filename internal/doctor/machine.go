// The program, its configuration, its certificate, its files, its network and its ports.

package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"ferry/internal/admission"
	"ferry/internal/event"
)

func (x *examination) version(context.Context) []Result {
	return []Result{ok("version", "", fmt.Sprintf("ferry %s, %s, %s/%s", x.config.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH))}
}

func (x *examination) configuration(context.Context) []Result {
	if err := x.config.Mistakes; err != nil {
		return []Result{fail("config", "", strings.ReplaceAll(err.Error(), "\n", "; "), "Correct the setting: 'ferry serve' does not start with it.")}
	}
	return []Result{ok("config", "", "all settings are valid")}
}

// certificate says how long the certificate of the API is valid.
func (x *examination) certificate(context.Context) []Result {
	const name = "certificate"
	const fix = "Replace the files of --tls-cert and --tls-key; the server reads them again by itself."
	if x.config.CertFile == "" {
		return nil
	}
	text, err := os.ReadFile(x.config.CertFile)
	if err != nil {
		return []Result{skip(name, "", "it cannot be read")} // the line about the configuration says why
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return []Result{skip(name, "", "its file has no PEM block")}
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return []Result{skip(name, "", "its file does not begin with a certificate")}
	}
	left := time.Until(leaf.NotAfter)
	until := leaf.NotAfter.UTC().Format("2006-01-02 15:04 MST")
	switch {
	case left <= 0:
		return []Result{fail(name, "", "it expired on "+until, fix)}
	case left < certificateSoon:
		return []Result{warn(name, "", fmt.Sprintf("it expires on %s, in %d hours", until, int(left.Hours())), fix)}
	}
	return []Result{ok(name, "", "it is valid until "+until)}
}

// certificateSoon is the remaining life of the certificate below which there is a warning.
const certificateSoon = 14 * 24 * time.Hour

// files compares the limit of open files with the limits of connections and transfers.
func (x *examination) files(context.Context) []Result {
	const name = "files"
	connections, transfers := x.config.Connections, x.config.Transfers
	if connections == 0 || transfers == 0 {
		return nil
	}
	allowed := admission.Divide(connections, 2*transfers)
	if allowed.Limit == 0 {
		return []Result{ok(name, "", "this process may open any number of files")}
	}
	found := fmt.Sprintf("this process may open %d files, for %d connections and %d transfers", allowed.Limit, connections, transfers)
	if allowed.Incoming < connections || allowed.Outgoing < 2*transfers {
		needed := admission.Needed(connections, 2*transfers)
		return []Result{warn(name, "", fmt.Sprintf("%s; that is enough for %d and %d", found, allowed.Incoming, max(1, allowed.Outgoing/2)),
			fmt.Sprintf("Allow at least %d open files (LimitNOFILE= of systemd, ulimit -n), or lower --max-connections and --max-uploads.", needed))}
	}
	return []Result{ok(name, "", found)}
}

// network says what the environment changes about connections: ferry uses a proxy for Meta
// only, because it could not check the addresses behind one.
func (x *examination) network(context.Context) []Result {
	const name = "network"
	found := "IPv4 and IPv6"
	switch v4, v6 := families(); {
	case !v4 && !v6:
		found = "no address but loopback"
	case !v6:
		found = "IPv4 only"
	case !v4:
		found = "IPv6 only"
	}
	if !x.hasProxy("https://" + x.config.Graph.Host() + "/") {
		found += "; no proxy for Meta"
	} else {
		found += "; requests to Meta go through the proxy of the environment"
	}
	var direct []string
	for _, address := range x.directURLs() {
		if x.hasProxy(address) {
			direct = append(direct, hostOf(address))
		}
	}
	if len(direct) > 0 {
		slices.Sort(direct)
		direct = slices.Compact(direct)
		return []Result{warn(name, "", fmt.Sprintf("%s; the environment names a proxy for %s, which ferry connects to directly", found, list(direct)),
			"ferry uses no proxy for stores, presigned URLs and destinations, whose addresses it checks. Let this machine reach them directly, and add them to NO_PROXY.")}
	}
	return []Result{ok(name, "", found)}
}

// directURLs returns URLs of the hosts that ferry connects to without a proxy.
func (x *examination) directURLs() (list []string) {
	if x.config.Objects != nil {
		for _, s := range x.config.Objects.Stores() {
			if s.Endpoint != "" {
				list = append(list, s.Endpoint)
			} else {
				list = append(list, "https://s3."+s.Region+".amazonaws.com")
			}
		}
	}
	if x.config.Events == nil {
		return list
	}
	for _, d := range x.config.Events.Router().Destinations() {
		switch {
		case d.AWS.Endpoint != "":
			list = append(list, d.AWS.Endpoint)
		case d.Type == event.HTTPS:
			list = append(list, d.URL)
		case d.Type == event.SQS:
			list = append(list, d.QueueURL)
		}
	}
	return list
}

func (x *examination) hasProxy(address string) bool {
	request, err := http.NewRequest(http.MethodGet, address, nil) //nolint:noctx // it is not sent
	if err != nil {
		return false
	}
	proxy, err := x.config.Proxy(request)
	return err == nil && proxy != nil
}

// families reports which families of addresses this machine has, beside loopback and
// link-local ones.
func families() (v4, v6 bool) {
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		network, isNetwork := a.(*net.IPNet)
		if !isNetwork || !network.IP.IsGlobalUnicast() {
			continue
		}
		if network.IP.To4() != nil {
			v4 = true
		} else {
			v6 = true
		}
	}
	return v4, v6
}

// A Listener is an address of the server.
type Listener struct {
	Name    string // "API", "webhook receiver", "metrics" or "console"
	Flag    string // such as --listen
	Address string // host:port
	TLS     bool
}

const (
	portTimeout = 3 * time.Second // for a port of the server to respond
	maxPage     = 64 << 10        // bytes of its response
)

// listener says who listens at an address of the server.
func (x *examination) listener(ctx context.Context, l Listener) []Result {
	const name = "port"
	subject := l.Flag + " " + l.Address
	ctx, cancel := context.WithTimeout(ctx, portTimeout)
	defer cancel()
	address := reachable(l.Address)
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return []Result{ok(name, subject, "nothing listens there: the server is not running")}
	}
	_ = conn.Close()
	text, health := ask(ctx, l, address)
	other := "Stop that program, or choose another address with " + l.Flag + "."
	switch {
	case l.Name == "API" || l.Name == "metrics":
		if health.Status == "" {
			return []Result{fail(name, subject, "another program than ferry listens there", other)}
		}
		if health.Status != "ok" {
			return []Result{fail(name, subject, "the server is running and not ready: "+health.problem(), "The log of the server says what it waits for, and so do the other lines here.")}
		}
		if health.Version != "" && health.Version != x.config.Version {
			return []Result{warn(name, subject, fmt.Sprintf("the server is running and ready, in another version than this program: %.80q", health.Version), "Restart the server with this version, or examine it with its own.")}
		}
	case !strings.Contains(text, "ferry") && !strings.Contains(text, "hub.") && !strings.Contains(text, "webhook-verify-token"):
		return []Result{fail(name, subject, "another program than ferry listens there", other)}
	}
	return []Result{ok(name, subject, "the server is running and ready")}
}

// health is what is read of a server's health.
type health struct {
	Status  string `json:"status"`
	Version string `json:"version"`
	Parts   []struct{ Name, Status, Reason string }
}

func (h health) problem() string {
	var parts []string
	for _, p := range h.Parts {
		if p.Status != "ok" {
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("%.40s %.200s", p.Name, p.Reason)))
		}
	}
	return strings.Join(parts, "; ")
}

// ask requests a page of a listener that says whose it is.
func ask(ctx context.Context, l Listener, address string) (text string, h health) {
	path := map[string]string{"webhook receiver": "/webhooks/whatsapp", "console": "/login"}[l.Name]
	if path == "" {
		path = "/_ferry/health"
	}
	scheme := "http"
	if l.TLS {
		scheme = "https"
	}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // nothing is sent, and the peer is this machine
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+address+path, nil)
	if err != nil {
		return "", h
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", h
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxPage))
	_ = json.Unmarshal(body, &h) // what is no JSON has no status
	return string(body), h
}

// reachable returns an address at which this machine reaches a listener.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
