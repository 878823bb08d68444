//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ferry/e2e/namespace"
	"ferry/socialmessaging"
)

// insideNamespace is ferry's binary, in the process that runs in a network of its own.
const insideNamespace = "FERRY_E2E_INSIDE_NAMESPACE"

// A network in which every address answers: private ones, metadata services and public ones. Callers name each of
// them as source and as destination, in a URL, as the address of a name, and as one of two; and every hostile URL of the
// corpus. The server sends no SYN to an address that is not public.
func TestNoURLMakesTheServerConnectToAnAddressThatIsNotPublic(t *testing.T) {
	if binary := os.Getenv(insideNamespace); binary != "" {
		checkConnections(t, binary)
		return
	}
	cmd := namespace.Command(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), insideNamespace+"="+raceBuild.path(t))
	output, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		missingOnMachine(t, "a network namespace", "run the tests as root, or where user namespaces are allowed")
	}
	if err != nil || !strings.Contains(string(output), "--- PASS: "+t.Name()) {
		t.Fatalf("in a network namespace: %v\n%s", err, output)
	}
	for line := range strings.Lines(string(output)) {
		if _, figure, ok := strings.Cut(line, "figure: "); ok {
			t.Log(strings.TrimSpace(figure))
		}
	}
}

var (
	outsider = netip.MustParseAddr("203.0.114.7") // a public address, and that of names which may be reached
	insider  = netip.MustParseAddr("10.0.0.1")    // of all names that are not known
	sentinel = netip.MustParseAddrPort("203.0.114.99:9")
)

// checkConnections is the test inside its network.
func checkConnections(t *testing.T, binary string) {
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	if err := namespace.Setup(everything, new(nameServer).answer); err != nil {
		t.Fatal(err)
	}
	watch, err := namespace.StartWatch()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, worldOptions{
		binary: &build{exists: binary},
		args:   []string{"--allow-any-public-host", "--max-uploads", "800", "--media-rate", "100000"},
	})
	w.s3.put(t, w.bucket, "note.txt", []byte("a note"), "text/plain")
	media := w.post(w.fromBucket("note.txt"))
	servers := listeningPorts(t)
	good, refused := addressCorpus(t)

	// Without ferry the addresses can be reached, and the watch sees it.
	var all sync.WaitGroup
	for _, address := range refused {
		all.Go(func() { connect(t.Context(), netip.AddrPortFrom(address, 443)) })
	}
	all.Wait()
	visible := 0
	for to := range seenBy(t, watch) {
		if to.Port() == 443 {
			visible++
		}
	}
	if visible < 100 {
		t.Fatalf("only %d of %d addresses can be connected to without ferry", visible, len(refused))
	}

	urls, literals := urlCorpus(t)
	good = append(good, literals...)
	urls = append(urls, urlsOf(good, refused)...)
	failed := callWithURLs(t, w, media, urls)
	public := map[netip.Addr]bool{outsider: true, sentinel.Addr(): true}
	for _, address := range good {
		public[address] = true
	}
	reached := map[netip.Addr]bool{}
	for to := range seenBy(t, watch) {
		switch {
		case to.Addr().IsLoopback() && servers[to.Port()]: // ferry, the simulator, the store
		case public[to.Addr()]:
			reached[to.Addr()] = true
		default:
			t.Errorf("the server tried to connect to %v", to)
		}
	}
	for _, address := range append(good, outsider) {
		if !reached[address] {
			t.Errorf("the server did not try to connect to the public address %v", address)
		}
	}
	if failed != 2*len(urls) {
		t.Errorf("%d of %d calls failed; nothing listens anywhere", failed, 2*len(urls))
	}
	fmt.Printf("figure: %d URLs in %d calls, 0 connections to addresses that are not public; %d of %d addresses can be reached without ferry\n", len(urls), 2*len(urls), visible, len(refused))
}

// seenBy returns where somebody tried to connect to until now.
func seenBy(t *testing.T, watch *namespace.Watch) map[netip.AddrPort]bool {
	connect(t.Context(), sentinel)
	return watch.Until(sentinel)
}

// connect tries to connect, and ignores the result.
func connect(ctx context.Context, to netip.AddrPort) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if connection, err := new(net.Dialer).DialContext(ctx, "tcp", to.String()); err == nil {
		connection.Close()
	}
}

// callWithURLs reads from and writes to each URL, and returns how many calls failed.
func callWithURLs(t *testing.T, w *world, media string, urls []string) int {
	t.Helper()
	const callers = 400
	client := w.client()
	var failed atomic.Int64
	var all sync.WaitGroup
	queue := make(chan string)
	for range callers {
		all.Go(func() {
			for one := range queue {
				presigned := &socialmessaging.S3PresignedUrl{Url: &one, Headers: map[string]string{"Content-Type": "text/plain"}}
				_, err := client.PostWhatsAppMessageMedia(t.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{
					OriginationPhoneNumberId: &w.phone, SourceS3PresignedUrl: presigned,
				})
				if err != nil {
					failed.Add(1)
				}
				_, err = client.GetWhatsAppMessageMedia(t.Context(), &socialmessaging.GetWhatsAppMessageMediaInput{
					OriginationPhoneNumberId: &w.phone, MediaId: &media, DestinationS3PresignedUrl: presigned,
				})
				if err != nil {
					failed.Add(1)
				}
			}
		})
	}
	for _, one := range urls {
		queue <- one
	}
	close(queue)
	all.Wait()
	return int(failed.Load())
}

// urlsOf returns URLs with each address as a host, as the address of a name, and beside another one.
func urlsOf(good, refused []netip.Addr) (urls []string) {
	const query = "/bucket/key?X-Amz-Credential=a&X-Amz-Signature=00"
	for _, address := range append(slices.Clone(good), refused...) {
		host := address.String()
		if address.Is6() {
			host = "[" + host + "]"
		}
		urls = append(urls, "https://"+host+query, "http://"+host+query)
		if address.Zone() == "" { // which no name has
			urls = append(urls, "https://"+label(address)+".is.example.com"+query)
		}
	}
	for _, address := range refused {
		if address.Zone() != "" {
			continue
		}
		urls = append(urls,
			"https://"+label(outsider)+"-"+label(address)+".is.example.com"+query,
			"https://"+label(address)+"-"+label(outsider)+".is.example.com"+query,
			"https://"+label(outsider)+"-"+label(address)+".becomes.example.com"+query)
	}
	return append(urls, "https://"+label(outsider)+".is.example.com"+query)
}

// label returns the bytes of an address as a label of a name.
func label(address netip.Addr) string { return fmt.Sprintf("%x", address.AsSlice()) }

// nameServer answers for is.example.com with the addresses in the label before it, and for
// becomes.example.com with the first one at first and with the second one later. Every other name is private.
type nameServer struct{ queries map[string]int }

func (n *nameServer) answer(name string) ([]netip.Addr, bool) {
	first, rest, _ := strings.Cut(name, ".")
	if rest != "is.example.com" && rest != "becomes.example.com" {
		return []netip.Addr{insider}, true
	}
	var addresses []netip.Addr
	for part := range strings.SplitSeq(first, "-") {
		var bytes []byte
		if _, err := fmt.Sscanf(part, "%x", &bytes); err != nil {
			return nil, false
		}
		address, ok := netip.AddrFromSlice(bytes)
		if !ok {
			return nil, false
		}
		addresses = append(addresses, address)
	}
	if rest == "is.example.com" {
		return addresses, true
	}
	if n.queries == nil {
		n.queries = map[string]int{}
	}
	n.queries[name]++
	if n.queries[name] <= 2 { // for A and AAAA
		return addresses[:1], true
	}
	return addresses[1:], true
}

// addressCorpus returns the addresses of internal/guard: those that may be reached, and all others.
func addressCorpus(t *testing.T) (good, refused []netip.Addr) {
	t.Helper()
	for _, row := range corpusRows(t, "../internal/guard/testdata/addresses.txt") {
		fields := strings.Fields(row)
		address := netip.MustParseAddr(fields[1])
		if fields[0] == "good" {
			good = append(good, address)
		} else {
			refused = append(refused, address)
		}
	}
	if len(refused) < 79 || len(good) < 24 {
		t.Fatalf("%d addresses to refuse and %d to reach", len(refused), len(good))
	}
	return good, refused
}

var repeatedLetter = regexp.MustCompile(`\{A\*(\d+)\}`)

// urlCorpus returns the URLs of internal/object, for a server without the stores and hosts that they
// name, and the public addresses that are hosts of these URLs.
func urlCorpus(t *testing.T) (urls []string, public []netip.Addr) {
	t.Helper()
	for _, row := range corpusRows(t, "../internal/object/testdata/adversarial/urls.txt") {
		_, quoted, _ := strings.Cut(row, " ")
		text, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", row, err)
		}
		text = repeatedLetter.ReplaceAllStringFunc(strings.ReplaceAll(text, "{canary}", "443"), func(match string) string {
			n, _ := strconv.Atoi(repeatedLetter.FindStringSubmatch(match)[1])
			return strings.Repeat("A", n)
		})
		if u, err := url.Parse(text); err == nil && strings.HasPrefix(row, "any ") {
			if address, err := netip.ParseAddr(u.Hostname()); err == nil {
				public = append(public, address)
			}
		}
		urls = append(urls, text)
	}
	return urls, public
}

func corpusRows(t *testing.T, file string) (rows []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			rows = append(rows, line)
		}
	}
	return rows
}

// listeningPorts returns the ports at which something listens in this network.
func listeningPorts(t *testing.T) map[uint16]bool {
	t.Helper()
	ports := map[uint16]bool{}
	for _, file := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		for _, row := range corpusRows(t, file) {
			const listening = "0A"
			fields := strings.Fields(row)
			if len(fields) < 4 || fields[3] != listening {
				continue
			}
			port, err := strconv.ParseUint(fields[1][strings.LastIndex(fields[1], ":")+1:], 16, 16)
			if err != nil {
				t.Fatal(err)
			}
			ports[uint16(port)] = true
		}
	}
	if len(ports) < 3 {
		t.Fatalf("listening: %v", slices.Collect(maps.Keys(ports)))
	}
	return ports
}
