package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/internal/postgrestest"
	"ferry/socialmessaging"
)

// rotationKills is how often the command is killed before it completes a rotation.
const rotationKills = 25

// keysetKeys are the keys of 'ferry keyset show'.
type keysetKeys struct {
	Keys []struct {
		Key    uint32
		Status string
		Values int
	}
	Servers []struct{ Name string }
}

func (in *installation) keyset() (shown keysetKeys) {
	in.t.Helper()
	if err := json.Unmarshal([]byte(mustRun(in.t, in.env, in.program, "keyset", "show", "--json")), &shown); err != nil {
		in.t.Fatal(err)
	}
	return shown
}

// Two servers on one database serve signed calls, whose keys, tokens and page tokens are
// sealed, while 'ferry keyset rotate' is killed again and again, and then completes.
func TestServersServeWhileTheKeysetIsRotated(t *testing.T) {
	postgres := startPostgres(t, postgrestest.Config{})
	s3 := sharedS3(t)
	in := install(t, raceBuild, startSimulator(t, noAccounts))
	in.env = append(in.env, "FERRY_DATABASE="+postgres.TCPURL("ferry"))
	one, two := in.serve(s3.store().flag()), in.serve(s3.store().flag())
	load := &rotatedCalls{in: in, servers: []*server{one, two}, bucket: s3.bucket(t, "media"), phone: in.link(account, metaAccount, metaToken).PhoneNumbers[0].PhoneNumberID}
	in.link(account, otherMetaAccount, otherMetaToken) // so that there are two pages
	file := sampleFile(t, "sample.png")
	s3.put(t, load.bucket, "a.png", file.Data, file.ContentType)
	load.keys = append(load.keys, in.createKey(account))
	before := in.keyset()
	if len(before.Keys) != 1 || len(before.Servers) != 2 {
		t.Fatalf("before the rotation: %+v", before)
	}
	stop := load.start()

	for range rotationKills {
		load.rotate(rand.N(3 * time.Second))
	}
	for i := 0; ; i++ {
		if load.rotate(0) {
			break
		} else if i == 20 {
			t.Fatal("the rotation does not end")
		}
	}
	stop()
	t.Logf("%d calls and %d new keys in %d killed rotations, %d of them failed", load.calls.Load(), len(load.keys)-1, rotationKills, load.failed.Load())
	if load.calls.Load() < 100 || len(load.keys) < 4 {
		t.Errorf("only %d calls and %d keys", load.calls.Load(), len(load.keys))
	}
	after := in.keyset()
	if len(after.Keys) != 1 || after.Keys[0].Status != "primary" || after.Keys[0].Key == before.Keys[0].Key || after.Keys[0].Values < len(load.keys) {
		t.Errorf("before the rotation: %+v; after it: %+v", before, after)
	}
	for _, s := range load.servers {
		for _, line := range strings.Split(s.stderr.String(), "\n") {
			if strings.Contains(line, `"level":"ERROR"`) {
				t.Errorf("a server logged %s", line)
			}
		}
	}
	// A server that starts now has only the new keyset.
	last := in.serve(s3.store().flag())
	for _, key := range load.keys {
		if _, err := goClient(last.url, key).ListLinkedWhatsAppBusinessAccounts(t.Context(), &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{}); err != nil {
			t.Errorf("the key %s: %v", key.id, err)
		}
	}
}

// rotatedCalls are calls to several servers while the keyset is rotated.
type rotatedCalls struct {
	in            *installation
	servers       []*server
	phone, bucket string

	calls, failed atomic.Int64
	mu            sync.Mutex
	keys          []accessKey
	clients       map[string]*socialmessaging.Client // by server and key, because each keeps its connections
}

// client returns a client of a server with the n-th key.
func (l *rotatedCalls) client(server, n int) *socialmessaging.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clients == nil {
		l.clients = make(map[string]*socialmessaging.Client)
	}
	key := l.keys[n%len(l.keys)]
	name := fmt.Sprint(server, key.id)
	if l.clients[name] == nil {
		l.clients[name] = goClient(l.servers[server].url, key)
	}
	return l.clients[name]
}

// start begins the calls: every server is called with every key, and keys are created.
func (l *rotatedCalls) start() (stop func()) {
	end, group := make(chan struct{}), new(sync.WaitGroup)
	repeat := func(pause time.Duration, work func(n int)) {
		group.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-end:
					return
				case <-time.After(pause):
					work(n)
				}
			}
		})
	}
	repeat(2*time.Second, func(int) {
		key := l.in.createKey(account)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.keys = append(l.keys, key)
	})
	for i := range l.servers {
		repeat(20*time.Millisecond, func(n int) { l.call(l.client(i, n), l.client(1-i, n)) })
	}
	stop = sync.OnceFunc(func() { close(end); group.Wait() })
	l.in.t.Cleanup(stop)
	return stop
}

// call uploads a file, and lists two pages, the second from the other server.
func (l *rotatedCalls) call(client, other *socialmessaging.Client) {
	ctx := context.Background()
	_, err := client.PostWhatsAppMessageMedia(ctx, fromBucket(l.phone, l.bucket, "a.png"))
	l.count("an upload", err)
	page, err := client.ListLinkedWhatsAppBusinessAccounts(ctx, &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{MaxResults: aws.Int32(1)})
	if l.count("the first page", err); err != nil {
		return
	}
	_, err = other.ListLinkedWhatsAppBusinessAccounts(ctx, &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{MaxResults: aws.Int32(1), NextToken: page.NextToken})
	l.count("the second page", err)
}

func (l *rotatedCalls) count(call string, err error) {
	l.calls.Add(1)
	if err != nil {
		l.failed.Add(1)
		l.in.t.Errorf("%s: %v", call, err)
	}
}

// rotate runs the command, which is killed after a time unless that is 0, and reports
// whether the rotation is complete.
func (l *rotatedCalls) rotate(killAfter time.Duration) (complete bool) {
	t := l.in.t
	t.Helper()
	command := exec.Command(l.in.program, "keyset", "rotate", "--wait", "30s", "--grace", "3s")
	var output strings.Builder
	command.Env, command.Stdout, command.Stderr = l.in.env, &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if killAfter > 0 {
		defer time.AfterFunc(killAfter, func() { _ = command.Process.Kill() }).Stop()
	}
	err := command.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return true
	case errors.As(err, &exit) && (exit.ExitCode() == 3 || killAfter > 0 && exit.ExitCode() == -1):
		return false
	}
	t.Fatal(fmt.Errorf("ferry keyset rotate: %w\n%s", err, &output))
	return false
}
