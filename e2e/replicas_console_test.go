package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/socialmessaging"
)

// consoleSession is a person who is logged in to the consoles of several servers.
type consoleSession struct {
	t      testing.TB
	cookie *http.Cookie
	client http.Client
}

// logInTo logs in to the console at an address, with a link.
func (in *installation) logInTo(address, role string) *consoleSession {
	in.t.Helper()
	link, err := url.Parse(strings.TrimSpace(mustRun(in.t, in.env, in.program, "console", "login", "--role", role, "--name", "Carla", "--console-url", address)))
	if err != nil {
		in.t.Fatal(err)
	}
	s := &consoleSession{t: in.t, client: http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	in.t.Cleanup(s.client.CloseIdleConnections)
	response := s.do(in.t.Context(), http.MethodPost, address+"/login", url.Values{"token": {link.Query().Get("token")}})
	defer response.Body.Close()
	cookies := response.Cookies()
	if len(cookies) != 1 {
		body, _ := io.ReadAll(response.Body)
		in.t.Fatalf("the login was answered with %s, and no cookie:\n%s", response.Status, body)
	}
	s.cookie = cookies[0]
	return s
}

func (s *consoleSession) do(ctx context.Context, method, address string, form url.Values) *http.Response {
	s.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.cookie != nil {
		request.AddCookie(s.cookie)
	}
	response, err := s.client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	return response
}

// page returns a page; an empty text means that the person is not logged in there.
func (s *consoleSession) page(address string) string {
	s.t.Helper()
	response := s.do(s.t.Context(), http.MethodGet, address, nil)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if response.StatusCode == http.StatusSeeOther {
		return ""
	}
	return string(body)
}

// follow sends the lines of a stream of changes.
func (s *consoleSession) follow(address string) <-chan string {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	response := s.do(ctx, http.MethodGet, address+"/stream", nil)
	if response.StatusCode != http.StatusOK {
		s.t.Fatalf("the stream is answered with %s", response.Status)
	}
	lines, ended := make(chan string, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	s.t.Cleanup(func() {
		cancel()
		response.Body.Close()
		<-ended
	})
	return lines
}

// Two servers over one database have one console: what happens at one of them is in the
// stream and on the pages of the other one, and who is logged in at one is at both.
func TestConsoleOfAReplicaShowsWhatHappensAtTheOthers(t *testing.T) {
	c := newCluster(t, plainBuild)
	var consoles []string
	for i := range 2 {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		consoles = append(consoles, fmt.Sprint("http://127.0.0.1:", port))
		c.start(i, "--console-listen", fmt.Sprint("127.0.0.1:", port))
	}
	carla := c.logInTo(consoles[0], "operator")
	if page := carla.page(consoles[1] + "/timeline"); !strings.Contains(page, "Carla") {
		t.Fatalf("Carla is not logged in at the other console: %.300s", page)
	}
	changes := carla.follow(consoles[1])
	awaitChange := func(source string) {
		t.Helper()
		eventually(t, "the stream of the other console says that the "+source+" has changed", func() bool {
			for {
				select {
				case line := <-changes:
					if names, ok := strings.CutPrefix(line, "data: "); ok && strings.Contains(" "+names+" ", " "+source+" ") {
						return true
					}
				default:
					return false
				}
			}
		})
	}
	awaitChange("journal") // the first line names everything
	one := goClient(c.replicas[0].url, c.key)
	uploaded, err := one.PostWhatsAppMessageMedia(t.Context(), fromBucket(c.phone, c.bucket, "a.png"))
	if err != nil {
		t.Fatal(err)
	}
	awaitChange("journal")
	shows := func(path, text string) {
		t.Helper()
		eventually(t, path+" of the other console shows "+text, func() bool { return strings.Contains(carla.page(consoles[1]+path), text) })
	}
	shows("/timeline", *uploaded.MediaId)
	shows("/media/"+*uploaded.MediaId, "a.png")
	sent, err := one.SendWhatsAppMessage(t.Context(), &socialmessaging.SendWhatsAppMessageInput{OriginationPhoneNumberId: &c.phone, MetaApiVersion: aws.String("v25.0"),
		Message: []byte(`{"messaging_product":"whatsapp","to":"+16505551234","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	awaitChange("journal")
	shows("/messages/"+*sent.MessageId, "accepted")
	shows("/events?account="+account, "status.accepted")

	response := carla.do(t.Context(), http.MethodPost, consoles[1]+"/logout", nil)
	response.Body.Close()
	if page := carla.page(consoles[0] + "/timeline"); page != "" {
		t.Error("the session that was ended at one console is still valid at the other one")
	}
}
