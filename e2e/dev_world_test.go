package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ferry/internal/sample"
	"ferry/metasim"
)

// devWorld is a running `ferry dev`.
type devWorld struct {
	*process
	envFile string            // for a shell to source
	values  map[string]string // what the file sets
	sim     *simulator        // its control API only
	client  *http.Client      // trusts the world's certificate, if it has one
}

// startDev runs `ferry dev` with a strict simulator until it has written its env
// file.
func startDev(t testing.TB, b *build, args ...string) *devWorld {
	t.Helper()
	return startDevAs(t, b, append([]string{"--strict"}, args...)...)
}

// startDevAs runs `ferry dev` with a simulator that takes what Meta takes.
func startDevAs(t testing.TB, b *build, args ...string) *devWorld {
	t.Helper()
	directory := t.TempDir()
	w := &devWorld{envFile: filepath.Join(directory, "ferry.env")}
	if !slices.Contains(args, "--port-base") {
		args = append(args, "--port-base", fmt.Sprint(freePortBase(t)))
	}
	args = append([]string{"dev", "--env-file", w.envFile}, args...)
	w.process = start(t, b.path(t), environment(directory), args...)
	w.wantEnvFile()
	return w
}

// wantEnvFile waits for the env file and reads it.
func (w *devWorld) wantEnvFile() {
	w.t.Helper()
	eventually(w.t, "ferry dev writes its env file", func() bool {
		select {
		case <-w.exited:
			w.t.Fatalf("ferry dev ended (%v):\n%s", w.cmd.ProcessState, w.stderr)
		default:
		}
		_, err := os.Stat(w.envFile)
		return err == nil
	})
	text, err := os.ReadFile(w.envFile)
	if err != nil {
		w.t.Fatal(err)
	}
	w.values = exports(string(text))
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy, transport.DisableKeepAlives = nil, true
	if file := w.values["NODE_EXTRA_CA_CERTS"]; file != "" {
		ca, err := os.ReadFile(file)
		if err != nil {
			w.t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(ca)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	w.client = &http.Client{Transport: transport}
	w.sim = &simulator{t: w.t, url: w.values["FERRY_SIMULATOR_URL"], control: metasim.NewControlClient(w.values["FERRY_SIMULATOR_CONTROL_URL"], w.client)}
}

// env returns an environment with the env file's settings, as a shell that
// sourced the file would pass it on.
func (w *devWorld) env() []string {
	env := environment(w.t.TempDir())
	for name, value := range w.values {
		env = append(env, name+"="+value)
	}
	return env
}

// shell runs a command line in a shell that has sourced the env file.
func (w *devWorld) shell(commandLine string) (stdout string) {
	w.t.Helper()
	return mustRun(w.t, environment(w.t.TempDir()), "sh", "-euc", fmt.Sprintf(". '%s'\n%s", w.envFile, commandLine))
}

// sampleFile returns a real file of a type that WhatsApp accepts.
func sampleFile(t testing.TB, name string) sample.File {
	t.Helper()
	for _, file := range sample.Files() {
		if file.Name == name {
			return file
		}
	}
	t.Fatalf("there is no sample %s", name)
	return sample.File{}
}
