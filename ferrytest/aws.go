// How programs reach a world.

package ferrytest

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"ferry/socialmessaging"
)

// AWSConfig returns a configuration of aws-sdk-go-v2 with the world's keys and endpoints,
// whatever the environment and the shared configuration say. It is for s3.NewFromConfig,
// sns.NewFromConfig (Publish and CreateTopic) and [socialmessaging.NewFromConfig]. Clients
// of other services receive an error, and nothing is sent to AWS.
func (w *World) AWSConfig() aws.Config {
	return aws.Config{
		Region:       w.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(w.AccessKeyID, w.SecretAccessKey, ""),
		HTTPClient:   w.client,
		BaseEndpoint: &w.snsURL, // which refuses the requests of other services
		ServiceOptions: []func(string, any){func(_ string, options any) {
			switch o := options.(type) {
			case *s3.Options:
				o.BaseEndpoint, o.UsePathStyle = &w.S3URL, true
			case *sns.Options:
				o.BaseEndpoint = &w.snsURL
			case *socialmessaging.Options:
				o.BaseEndpoint = &w.APIURL
			}
		}},
	}
}

// Client returns a client of ferry's API.
func (w *World) Client() *socialmessaging.Client { return socialmessaging.NewFromConfig(w.AWSConfig()) }

// HTTPClient returns a client that reaches all servers of the world, also on a
// MemoryNetwork.
func (w *World) HTTPClient() *http.Client { return w.client }

// Listen returns a listener for a server of the test, which the world can call, also on a
// MemoryNetwork. It is closed when the test ends.
func (w *World) Listen() net.Listener {
	w.t.Helper()
	listener, err := w.listen()
	if err != nil {
		w.t.Fatalf("ferrytest: Listen: %v", err)
	}
	w.t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// listen opens a listener on the network of the world.
func (w *World) listen() (net.Listener, error) {
	if w.network != nil {
		return w.network.Listen(0)
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// Environ returns the environment of this process with what a program in any language
// needs to use the world, and without what would lead it elsewhere: for exec.Cmd.Env.
// docs/development.md lists the variables.
func (w *World) Environ() []string {
	environ := os.Environ()
	unset := func(name string) {
		environ = slices.DeleteFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, name+"=") })
	}
	for _, v := range w.local.Environment() {
		value := v.Value
		if existing := os.Getenv(v.Name); v.Extends && existing != "" {
			value += "," + existing
		}
		unset(v.Name)
		if !v.Unset {
			environ = append(environ, v.Name+"="+value)
		}
	}
	unset("AWS_ENDPOINT_URL_SNS")
	return append(environ, "AWS_ENDPOINT_URL_SNS="+w.snsURL)
}

// killDelay is how long a program has to end after it was interrupted.
const killDelay = 2 * time.Second

// Command returns a program that uses the world, as exec.CommandContext does, with
// Environ. What it prints goes to the log of the test. When the test ends, it is
// interrupted, and killed if it does not end within 2 s.
func (w *World) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	w.t.Helper()
	if w.network != nil {
		w.t.Fatalf("ferrytest: Command(%q): another process cannot reach a network in memory; start the world without MemoryNetwork", name)
	}
	ctx, cancel := context.WithCancel(ctx)
	command := exec.CommandContext(ctx, name, args...)
	command.Env, command.WaitDelay = w.Environ(), killDelay
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	output := newLines(w.t, name)
	command.Stdout, command.Stderr = output, output
	w.t.Cleanup(func() {
		cancel()
		if command.Process != nil && command.ProcessState == nil {
			_ = command.Wait() // nobody has waited
		}
		output.end()
	})
	return command
}
