package metasim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The links of messages: after the response, Meta fetches them with one GET that
// follows no redirect, and drops the message if that fails
// (docs/references.md#media-failures).

const (
	maxFetches    = 8                // links that are fetched at once
	linkTimeout   = 10 * time.Second // for one link, in real time
	maxLinkHeader = 64 << 10         // bytes of the header of a response
	linkAgent     = "facebookexternalua"
)

// fetches are the messages whose links are being fetched, or wait for that.
type fetches struct {
	server *Server
	ctx    context.Context // the work ends with it

	mu      sync.Mutex
	queue   []messageRow // at most as many as there are messages
	working int
	done    sync.WaitGroup
}

func (s *Server) newFetches(ctx context.Context) *fetches { return &fetches{server: s, ctx: ctx} }

func (f *fetches) wait() { f.done.Wait() }

// start fetches the links of a message when there is room.
func (f *fetches) start(row messageRow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue = append(f.queue, row)
	if f.working < maxFetches {
		f.working++
		f.done.Go(f.work)
	}
}

// work fetches until nothing waits.
func (f *fetches) work() {
	for {
		f.mu.Lock()
		if len(f.queue) == 0 || f.ctx.Err() != nil {
			for range f.queue {
				f.server.messages.done()
			}
			f.queue = nil
			f.working--
			f.mu.Unlock()
			return
		}
		row := f.queue[0]
		f.queue = f.queue[1:]
		f.mu.Unlock()
		f.server.fetchLinks(f.ctx, row)
		f.server.messages.done()
	}
}

// fetchLinks fetches the links of a message and plans its next step. If ctx ends
// first, the message stays as it is, and its links are fetched the next time.
func (s *Server) fetchLinks(ctx context.Context, row messageRow) {
	fault, notes := "", []string(nil)
	for _, file := range row.Media {
		if file.Link == "" || fault != "" {
			continue
		}
		var note string
		if fault, note = s.fetchLink(ctx, file); note != "" {
			notes = append(notes, note)
		}
	}
	if ctx.Err() != nil {
		return
	}
	s.changeMessage(row.ID, func(now *messageRow) bool {
		if now.Step != stepFetch {
			return false
		}
		now.LinkFault, now.Notes, now.Step = fault, append(now.Notes, notes...), stepSend
		now.Due = later(now.Created.Add(max(0, s.cfg.MessageDelays.Sent)), s.Now().Round(0))
		return true
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// fetchLink fetches a link as Meta does. It returns the details of Meta's error, or
// a note if the simulator may not fetch it.
func (s *Server) fetchLink(ctx context.Context, file messageMedia) (fault, note string) {
	u, err := url.Parse(file.Link)
	if err != nil { // checked before
		return downloadFault(http.StatusBadRequest), ""
	}
	allowed := s.mayFetch(u.Hostname())
	if allowed == nil {
		return "", fmt.Sprintf("The link to %s was not fetched and counts as good: the host is neither this machine nor in Config.LinkHosts.", truncate(u.Host))
	}
	if !s.limiter.takeLink(s.Now(), u.Host, s.cfg.LinksPerMinute) {
		return downloadFault(http.StatusTooManyRequests) + ", ratelimit reason: Request ratelimit by fwdproxy. Details: [GlobalCountingRatelimiter] Request hit ratelimit policy — destination matcher asn_list: 47583", ""
	}
	ctx, cancel := context.WithTimeout(ctx, linkTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, file.Link, nil)
	if err != nil {
		return downloadFault(http.StatusBadRequest), ""
	}
	request.Header.Set("User-Agent", linkAgent)
	response, err := linkClient(s.cfg.LinkTransport, allowed).Do(request)
	var refused *addressError
	switch {
	case errors.As(err, &refused):
		return "", fmt.Sprintf("The link to %s was not fetched and counts as good: %v.", truncate(u.Host), refused)
	case err != nil:
		return downloadFault(http.StatusInternalServerError), "Fetching the link failed: " + truncate(err.Error())
	}
	defer response.Body.Close()
	return responseFault(file.Kind, response), ""
}

// responseFault returns what Meta finds wrong with the response to a link.
func responseFault(kind string, response *http.Response) string {
	if response.StatusCode >= 400 || response.StatusCode == http.StatusNoContent {
		return downloadFault(response.StatusCode)
	}
	declared := response.Header.Get("Content-Type")
	if declared == "" {
		declared = receivedWithoutType
		if response.StatusCode >= 300 {
			declared = "text/html" // the page that a redirect has
		}
	}
	if details := unsupportedType(kind, declared); details != "" {
		return details
	}
	base, _, _ := mime.ParseMediaType(declared)
	head, size, err := readHead(response.Body, kindLimit(kind))
	switch {
	case err != nil || response.StatusCode != http.StatusOK:
		return downloadFault(http.StatusInternalServerError)
	case size > limitOf(kind, base, head):
		return fmt.Sprintf("Media file size too big. Max file size we currently support: %s.", sizeText(limitOf(kind, base, head)))
	}
	return headFault(kind, base, head)
}

// readHead reads a body to its end, or until it is longer than the limit, and returns
// its first bytes and the number of all.
func readHead(body io.Reader, limit int64) (head []byte, size int64, _ error) {
	head, err := io.ReadAll(io.LimitReader(body, maxImageHeader))
	if err != nil {
		return nil, 0, err
	}
	rest, err := io.Copy(io.Discard, io.LimitReader(body, max(0, limit+1-int64(len(head)))))
	return head, int64(len(head)) + rest, err
}

// kindLimit is the size in bytes of the largest file that a type of message can have.
func kindLimit(kind string) int64 {
	switch kind {
	case "image":
		return imageLimit
	case "sticker":
		return stickerLimit
	case "document":
		return documentLimit
	}
	return videoLimit // and audio
}

// limitOf is the largest size in bytes of a file with these first bytes.
func limitOf(kind, base string, head []byte) int64 {
	if known, ok := findMediaType(base); ok && kind != "document" {
		return known.maxSize(head)
	}
	return kindLimit(kind)
}

func sizeText(size int64) string {
	if size < 1<<20 {
		return fmt.Sprintf("%dKB", size>>10)
	}
	return fmt.Sprintf("%dMB", size>>20)
}

// downloadFault is the detail of a link that cannot be downloaded.
func downloadFault(status int) string {
	details := fmt.Sprintf("Downloading media from weblink failed with http code %d", status)
	if message := http.StatusText(status); message != "" {
		details += ", status message " + message
	}
	return details
}

// mayFetch returns which addresses of a host may be connected to, or nil if none: of
// this machine's names loopback only, of those in Config.LinkHosts any, and of all
// others public ones if LinkHosts has "*".
func (s *Server) mayFetch(host string) func(netip.Addr) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	address, err := netip.ParseAddr(host)
	switch {
	case host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && address.Unmap().IsLoopback():
		return func(a netip.Addr) bool { return a.IsLoopback() }
	}
	public := false
	for _, allowed := range s.cfg.LinkHosts {
		allowed = strings.ToLower(allowed)
		suffix, wildcard := strings.CutPrefix(allowed, "*")
		switch {
		case allowed == "*":
			public = true
		case allowed == host, wildcard && strings.HasPrefix(suffix, ".") && strings.HasSuffix(host, suffix):
			return func(netip.Addr) bool { return true }
		}
	}
	if public {
		return isPublic
	}
	return nil
}

// notPublic are networks that net/netip does not count as private.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("2002::/16"),
}

func isPublic(a netip.Addr) bool {
	for _, prefix := range notPublic {
		if prefix.Contains(a) {
			return false
		}
	}
	return a.IsGlobalUnicast() && !a.IsPrivate()
}

// addressError is an address that the simulator does not connect to.
type addressError struct{ address string }

func (e *addressError) Error() string {
	return "the address " + e.address + " is not one that Config.LinkHosts allows"
}

// linkClient returns a client that connects to the allowed addresses only, unless it
// has a transport.
func linkClient(transport http.RoundTripper, allowed func(netip.Addr) bool) *http.Client {
	if transport == nil {
		transport = linkTransport(allowed)
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// linkTransport returns a transport that connects to the allowed addresses only.
func linkTransport(allowed func(netip.Addr) bool) *http.Transport {
	dialer := &net.Dialer{Timeout: linkTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !allowed(to.Addr().Unmap()) {
			return &addressError{address}
		}
		return nil
	}}
	return &http.Transport{
		DialContext: dialer.DialContext, DisableKeepAlives: true, DisableCompression: true,
		MaxResponseHeaderBytes: maxLinkHeader, TLSHandshakeTimeout: linkTimeout, ForceAttemptHTTP2: true,
	}
}
