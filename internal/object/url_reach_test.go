package object

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ferry/internal/guard"
	"ferry/internal/guard/guardtest"
)

// unreachableHosts are the reasons why no connection to a host is possible.
var unreachableHosts = map[string]struct {
	resolver guard.Resolver
	connect  func(ctx context.Context) (net.Conn, error)
}{
	"its name resolves to a private address":           {resolver: guardtest.Always("10.0.0.1")},
	"its name resolves to this machine":                {resolver: guardtest.Always("127.0.0.1")},
	"its name resolves to a metadata service":          {resolver: guardtest.Always("169.254.169.254")},
	"one of its two addresses is private":              {resolver: guardtest.Always("52.216.0.1", "10.0.0.1")},
	"its name has too many addresses":                  {resolver: guardtest.Always(strings.Fields(strings.Repeat("52.216.0.1 ", 17))...)},
	"its name does not exist":                          {resolver: failingResolver{&net.DNSError{Err: "no such host", IsNotFound: true}}},
	"its name servers fail":                            {resolver: failingResolver{&net.DNSError{Err: "server misbehaving", IsTemporary: true}}},
	"its name servers do not answer":                   {resolver: guardtest.SilentResolver{}},
	"it refuses the connection":                        {resolver: guardtest.Always("52.216.0.1"), connect: refuses},
	"it does not answer":                               {resolver: guardtest.Always("52.216.0.1"), connect: silent},
	"it accepts the connection and ends it":            {resolver: guardtest.Always("52.216.0.1"), connect: hangsUp},
	"it accepts the connection and then says nothing":  {resolver: guardtest.Always("52.216.0.1"), connect: accepts("")},
	"it accepts the connection and does not speak TLS": {resolver: guardtest.Always("52.216.0.1"), connect: accepts("SSH-2.0-OpenSSH_9.9\r\n")},
}

type failingResolver struct{ err error }

func (r failingResolver) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, r.err
}

func refuses(context.Context) (net.Conn, error) { return nil, errors.New("connection refused") }

func silent(ctx context.Context) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func hangsUp(context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	_ = there.Close()
	return here, nil
}

// accepts returns a host that accepts connections, sends a text and reads everything.
func accepts(text string) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		go func() { _, _ = there.Write([]byte(text)) }()
		go func() {
			defer there.Close()
			for b := make([]byte, 1024); ; {
				if _, err := there.Read(b); err != nil {
					return
				}
			}
		}()
		return here, nil
	}
}

// A caller can count the retries that are left to its account at a host of its own.
func TestForbiddenAddressUsesAsManyRetriesAsANameThatDoesNotExist(t *testing.T) {
	for way, read := range map[string]bool{"to read": true, "to write": false} {
		var used []int
		for _, host := range []string{"its name does not exist", "it refuses the connection", "its name resolves to a private address", "one of its two addresses is private"} {
			synctest.Test(t, func(t *testing.T) {
				is := unreachableHosts[host]
				opener, err := New(t.Context(), Config{DefaultRegion: "us-east-1", AllowedHosts: []string{"media.example.org"}, Guard: guardOn(&guardtest.Network{Answer: is.connect}, is.resolver)})
				if err != nil {
					t.Fatal(err)
				}
				defer opener.Close()
				retries := 0
				budget := NewBudget(10, func() bool { retries++; return true })
				if read {
					source, err := opener.URL("https://media.example.org/a.jpg", jpeg())
					if err != nil {
						t.Fatal(err)
					}
					_, err = source.WithBudget(budget).Open(t.Context(), "")
					wantKind(t, err, Unavailable)
				} else {
					sink, err := opener.URLSink("https://media.example.org/a.jpg", jpeg())
					if err != nil {
						t.Fatal(err)
					}
					wantKind(t, sink.WithBudget(budget).Put(t.Context(), Content{Body: strings.NewReader("body"), Size: 4}), Unavailable)
				}
				used = append(used, retries)
			})
		}
		if len(slices.Compact(used)) != 1 || used[0] != fetchAttempts-1 {
			t.Errorf("%s: %v retries", way, used)
		}
	}
}

func TestHostThatCannotBeReachedGetsOneErrorAtOneTime(t *testing.T) {
	const address = "https://media.example.org/a.jpg?X-Amz-Signature=abc"
	ways := map[string]func(t *testing.T, o *Opener) error{
		"to read": func(t *testing.T, o *Opener) error {
			source, err := o.URL(address, jpeg())
			if err != nil {
				t.Fatal(err)
			}
			_, err = source.Open(t.Context(), "")
			return err
		},
		"to ask for its headers": func(t *testing.T, o *Opener) error {
			source, err := o.URL(address, jpeg())
			if err != nil {
				t.Fatal(err)
			}
			_, err = source.Stat(t.Context())
			return err
		},
		"to write": func(t *testing.T, o *Opener) error {
			sink, err := o.URLSink(address, jpeg())
			if err != nil {
				t.Fatal(err)
			}
			return sink.Put(t.Context(), Content{Body: strings.NewReader("body"), Size: 4})
		},
	}
	for way, open := range ways {
		text := make(map[string]bool)
		for host, is := range unreachableHosts {
			t.Run(way+", because "+host, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					network := &guardtest.Network{Answer: is.connect}
					opener, err := New(t.Context(), Config{DefaultRegion: "us-east-1", AllowedHosts: []string{"media.example.org"}, Guard: guardOn(network, is.resolver)})
					if err != nil {
						t.Fatal(err)
					}
					defer opener.Close()
					start := time.Now()
					text[wantKind(t, open(t, opener), Unavailable).Error()] = true
					if took := time.Since(start); took != opener.cfg.ReachTimeout {
						t.Errorf("took %v, want %v", took, opener.cfg.ReachTimeout)
					}
					time.Sleep(opener.cfg.TLSTimeout) // net/http ends a handshake only after this time
				})
			})
		}
		if len(text) != 1 {
			t.Errorf("%s: the texts are %v", way, text)
		}
	}
}
