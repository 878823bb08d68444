package metasim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"time"

	"ferry/metasim"
)

const (
	token       = "test-token"
	phoneNumber = "106540352242922"
)

func newSimulator() *metasim.Server {
	return metasim.New(metasim.Config{BusinessAccounts: []metasim.BusinessAccount{{
		ID: "102290129340398", Token: token,
		PhoneNumbers: []metasim.PhoneNumber{{ID: phoneNumber, VerifiedName: "Lucky Shrub"}},
	}}})
}

// upload uploads a small PDF as a client of the Cloud API does, and returns the
// status and the media id.
func upload(graphURL string) (status int, id string) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("messaging_product", "whatsapp")
	part, _ := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="menu.pdf"`},
		"Content-Type":        {"application/pdf"},
	})
	_, _ = io.WriteString(part, "%PDF-1.7\n")
	_ = form.Close()
	request, err := http.NewRequest(http.MethodPost, graphURL+"/v25.0/"+phoneNumber+"/media", &body)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", form.FormDataContentType())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	var answer struct{ ID string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		log.Fatal(err)
	}
	return response.StatusCode, answer.ID
}

// A Server is an http.Handler, so that a test needs nothing but httptest.
func Example() {
	sim := newSimulator()
	defer sim.Close()
	graph := httptest.NewServer(sim)
	defer graph.Close()

	status, id := upload(graph.URL)
	file, ok := sim.Media(id)
	fmt.Println(status, ok, file.FileName, file.MIMEType, file.Size)
	for _, request := range sim.Requests() {
		fmt.Println(request.Operation, request.Method, request.Status, request.FileName)
	}
	// Output:
	// 200 true menu.pdf application/pdf 9
	// upload POST 200 menu.pdf
}

// The first upload meets an error of Meta's, the second one is lost on its way
// back, and all others succeed.
func ExampleServer_AddFault() {
	sim := newSimulator()
	defer sim.Close()
	graph := httptest.NewServer(sim)
	defer graph.Close()

	for _, fault := range []metasim.Fault{
		{Operation: metasim.OperationUpload, ErrorCode: 131016, Times: 1},
		{Operation: metasim.OperationUpload, LoseAnswer: true, Times: 1},
	} {
		if _, err := sim.AddFault(fault); err != nil {
			log.Fatal(err)
		}
	}
	for range 3 {
		status, _ := upload(graph.URL)
		fmt.Println("the client sees status", status)
	}
	for _, request := range sim.Requests() {
		fmt.Printf("status %d, cut %v, stored %v\n", request.Status, request.Cut, request.MediaID != "")
	}
	// Output:
	// the client sees status 500
	// the client sees status 0
	// the client sees status 200
	// status 500, cut false, stored false
	// status 0, cut true, stored true
	// status 200, cut false, stored true
}

// A message fails as the test wants. With Run or RunBackground, it would be sent,
// delivered and read by itself.
func ExampleServer_SetStatus() {
	sim := newSimulator()
	defer sim.Close()
	graph := httptest.NewServer(sim)
	defer graph.Close()

	body := `{"messaging_product":"whatsapp","to":"+16505551234","type":"text","text":{"body":"Hello"}}`
	request, err := http.NewRequest(http.MethodPost, graph.URL+"/v25.0/"+phoneNumber+"/messages", strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	response.Body.Close()

	message := sim.Messages()[0]
	fmt.Println(response.StatusCode, message.WAID, message.Status, string(message.Content))
	if err := sim.SetStatus(message.ID, "failed", 131026); err != nil {
		log.Fatal(err)
	}
	message, _ = sim.Message(message.ID)
	fmt.Println(message.Status, message.Statuses[0].Code, message.Statuses[0].Title)
	// Output:
	// 200 16505551234 accepted {"body":"Hello"}
	// failed 131026 Message undeliverable
}

// Media expire 30 days after their upload. A test does not wait for them.
func ExampleServer_AdvanceClock() {
	sim := newSimulator()
	defer sim.Close()
	graph := httptest.NewServer(sim)
	defer graph.Close()

	_, id := upload(graph.URL)
	for range 2 {
		if _, err := sim.AdvanceClock(15 * 24 * time.Hour); err != nil {
			log.Fatal(err)
		}
		_, ok := sim.Media(id)
		fmt.Println(ok)
	}
	// Output:
	// true
	// false
}

// Run serves both APIs until its context is done.
func ExampleServer_Run() {
	sim := newSimulator()
	defer sim.Close()
	graph, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- sim.Run(ctx, graph, control) }()

	health, err := metasim.NewControlClient("http://"+control.Addr().String(), nil).Health(ctx)
	fmt.Println(health.Status, err)
	stop()
	fmt.Println(<-ended)
	// Output:
	// ok <nil>
	// <nil>
}

// A ControlClient does what the methods of a Server do, for a simulator in
// another process, such as that of ferry dev.
func ExampleControlClient() {
	sim := newSimulator()
	defer sim.Close()
	graph, control := httptest.NewServer(sim), httptest.NewServer(sim.Control())
	defer graph.Close()
	defer control.Close()

	ctx := context.Background()
	client := metasim.NewControlClient(control.URL, nil)
	fault, err := client.AddFault(ctx, metasim.Fault{Operation: metasim.OperationUpload, ErrorCode: 80007, Times: 1})
	if err != nil {
		log.Fatal(err)
	}
	status, _ := upload(graph.URL)
	fmt.Println("throttled:", status)
	if fault, err = client.Fault(ctx, fault.ID); err != nil {
		log.Fatal(err)
	}
	fmt.Println("applied:", fault.Applied)
	if err := client.Reset(ctx); err != nil {
		log.Fatal(err)
	}
	health, err := client.Health(ctx)
	fmt.Println(health, err)
	// Output:
	// throttled: 400
	// applied: 1
	// {ok 0 0 0 0} <nil>
}

// A template can be sent when it has been approved: here by the test, and otherwise a
// second after its creation.
func ExampleServer_ChangeTemplate() {
	sim := metasim.New(metasim.Config{TemplateReview: -1, BusinessAccounts: []metasim.BusinessAccount{{ID: "102290129340398", Token: "test-token"}}})
	defer sim.Close()
	graph := httptest.NewServer(sim)
	defer graph.Close()

	response, err := http.Post(graph.URL+"/v25.0/102290129340398/message_templates?access_token=test-token", "application/json",
		strings.NewReader(`{"name":"order","language":"en_US","category":"UTILITY","components":[{"type":"BODY","text":"Your order is on the way."}]}`))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	template := sim.Templates("102290129340398")[1] // behind hello_world
	fmt.Println(template.Name, template.Status)
	template, err = sim.ChangeTemplate(template.ID, metasim.TemplateChange{Status: "APPROVED", Quality: "GREEN"})
	fmt.Println(template.Status, template.Quality, err)
	// Output:
	// order PENDING
	// APPROVED GREEN <nil>
}
