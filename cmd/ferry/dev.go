// ferry dev: everything embedded, until a signal arrives.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"ferry/internal/gateway"
	"ferry/internal/local"
	"ferry/internal/seed"
	"ferry/internal/social"
	"ferry/internal/transfer"
	"ferry/internal/tty"
)

type devCommand struct {
	eventFlags
	kmsFlags
	metricsFlags

	PortBase *int   `help:"Port of the API. The WhatsApp simulator, S3, the web console and the simulator's control API use the ports +1 to +4; 0 means free ports. Default: 4080, and free ports if there is a PROGRAM." placeholder:"PORT"`
	Data     string `help:"Directory for accounts, keys, messages, events, buckets and media. Only one process at a time may use it. Default: none, everything is in memory." placeholder:"DIR"`
	Load     string `help:"File of a world, as 'ferry world save' writes it, in which the world begins. The directory of --data must then be empty." placeholder:"FILE"`
	Seed     string `help:"Directory with accounts.yaml, people.yaml, templates/*.json and objects/BUCKET/…, which the world has beside the sample account. A template that changes is read again." placeholder:"DIR"`
	Open     bool   `help:"Open the console in the browser."`
	EnvFile  string `help:"File that receives the environment as shell commands as soon as everything is ready; removed at the end. Default: a file in the system's directory for temporary files." placeholder:"FILE"`
	Region   string `help:"The one AWS region that the API accepts signatures for. Default: all regions." placeholder:"REGION"`
	TLS      bool   `help:"Serve everything over https, with a certificate for localhost that the environment makes AWS SDKs, Node.js, Python, Go and curl trust."`
	Strict   bool   `help:"Make the simulator refuse what Meta accepts but a careful client does not send."`

	LinkToID    bool   `help:"Upload the files that messages link to, and send the messages with media ids; links may be on this machine. Otherwise the simulator reads the links, as Meta does."`
	TextAsPlain bool   `help:"Send text files of other types (CSV, JSON, XML, Markdown, vCard, iCalendar) as text/plain under their own names."`
	WillFail    string `help:"What to do with a file that WhatsApp accepts but then fails to deliver: refuse it, or warn in the log and upload it. Default: ${default}." enum:"refuse,warn" default:"refuse"`

	Archive string `help:"Store the files of inbound messages in a bucket, as 'ferry account archive' does: s3://BUCKET/PREFIX. Default: they are not stored." default:"off" placeholder:"DESTINATION"`

	ListenHost  string   `help:"Address on which everything listens, such as 0.0.0.0 in a container. Default: loopback." placeholder:"ADDRESS"`
	PlainHTTP   bool     `help:"Allow plain HTTP on an address that is not loopback, such as within a container."`
	Host        []string `help:"Name or address by which programs reach this machine, such as the name of a container; the first one is part of all URLs. localhost and loopback addresses are always accepted, other names are refused. May be repeated." placeholder:"NAME"`
	AllowOrigin []string `help:"Origin, such as https://app.example.com, whose web pages may call all servers. Pages of this machine may call the API and S3; pages of other origins are refused. May be repeated." placeholder:"ORIGIN"`
	Program     []string `arg:"" optional:"" help:"Program, and its arguments after --, that runs in the environment of the world as soon as everything is ready. Everything ends with it, and its exit status is that of ferry. Only warnings are logged meanwhile."`

	KeepWorld string `help:"File in which the world is kept if the PROGRAM fails. Default: world.ferry in a new directory for temporary files." placeholder:"FILE"`

	SimulatorPublicURL string `help:"URL by which programs reach the simulator through a proxy or a mapped port; download URLs begin with it." placeholder:"URL"`
}

var hostForm = regexp.MustCompile(`^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// check returns every problem of the flags.
func (c *devCommand) check() error {
	var problems []error
	if c.Region != "" && !regionForm.MatchString(c.Region) {
		problems = append(problems, fmt.Errorf("--region is %q; expected a name such as us-east-1", c.Region))
	}
	listen, err := netip.ParseAddr(c.ListenHost)
	switch {
	case c.ListenHost == "" || err == nil && listen.IsLoopback():
	case err != nil || listen.Zone() != "":
		problems = append(problems, fmt.Errorf("--listen-host is %q; expected an address without a port, such as 0.0.0.0", c.ListenHost))
	case !c.TLS && !c.PlainHTTP:
		problems = append(problems, fmt.Errorf("--listen-host %s: others could read and change plain HTTP on this address; set --tls, or --plain-http if only this machine reaches the address, as in a container", c.ListenHost))
	}
	for _, host := range c.Host {
		if addr, err := netip.ParseAddr(host); !hostForm.MatchString(host) && (err != nil || addr.Zone() != "") {
			problems = append(problems, fmt.Errorf("--host is %q; expected a host name in lower case, *.suffix or an address, without a port", host))
		}
	}
	problems = append(problems, c.checkDestinations(), c.checkKMS())
	if _, err := parseArchive(c.Archive); err != nil {
		problems = append(problems, fmt.Errorf("--archive: %w", err))
	}
	if _, err := gateway.NewAccess(nil, c.AllowOrigin); err != nil {
		problems = append(problems, fmt.Errorf("--allow-origin: %w", err))
	}
	if c.SimulatorPublicURL != "" {
		u, err := url.Parse(c.SimulatorPublicURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			problems = append(problems, fmt.Errorf("--simulator-public-url is %q; expected scheme://host or scheme://host:port, such as https://whatsapp.example.com", c.SimulatorPublicURL))
		}
	}
	return errors.Join(problems...)
}

const defaultPortBase = 4080

// portBase returns the port of the API, or 0 for free ports.
func (c *devCommand) portBase() int {
	switch {
	case c.PortBase != nil:
		return *c.PortBase
	case len(c.Program) > 0:
		return 0
	}
	return defaultPortBase
}

// Run starts the world, prints how to reach it or starts a program in it, and waits for a
// signal or for the end of the program.
func (c *devCommand) Run(ctx context.Context, terminal *terminal) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	var program string
	var recent *recentLines
	if len(c.Program) > 0 {
		if program, err = findProgram(c.Program[0], terminal.err); err != nil {
			return err
		}
		terminal.log, recent = terminal.quietLogs()
	}
	config := local.Config{
		Version: version(), Region: c.Region, PortBase: c.portBase(), Listen: c.ListenHost, Hosts: c.Host, Origins: c.AllowOrigin, SimulatorURL: c.SimulatorPublicURL,
		TLS: c.TLS, Strict: c.Strict,
		API: social.Config{TextAsPlain: c.TextAsPlain, WillFail: transfer.WillFail(c.WillFail)}, LinkToID: c.LinkToID, Data: c.Data, Load: c.Load, Seed: c.Seed, Logger: terminal.log,
		Destinations: c.Destination, SNSEndpoint: c.SNSEndpoint, KMSEndpoint: c.KMSEndpoint, Stdout: terminal.out.JSONText,
	}
	config.Archive, _ = parseArchive(c.Archive) // check has reported what is wrong with it
	if c.TLS {
		config.SystemRoots = systemRoots()
	}
	if config.Metrics, err = c.metricsFlags.listen(terminal); err != nil {
		return err
	}
	if config.Tracer, err = openTracer(ctx, terminal); err != nil {
		return errors.Join(err, closeAll(config.Metrics.Listener))
	}
	defer closeTracer(config.Tracer, terminal)
	var consoleURL func(*local.World) string
	config.Console, consoleURL = c.devConsole(terminal)
	terminal.outliveReaders()
	world, err := local.Start(ctx, config)
	if invalid, ok := errors.AsType[*seed.Error](err); ok {
		terminal.err.Error(invalid)
		return exitStatus(exitUsage)
	}
	if err != nil {
		return err
	}
	c.openConsole(consoleURL(world), terminal)
	if program != "" {
		return c.runInWorld(ctx, program, world, recent, terminal)
	}
	defer func() {
		err = errors.Join(err, world.Close())
		terminal.logStopped(err)
	}()
	path, remove, err := c.writeEnvironment(world.Environment())
	if err != nil {
		return err
	}
	defer remove() // its content is valid only while this runs
	_ = terminal.out.Printf(`ferry is ready. Everything runs on this machine; nothing is sent to Meta or AWS.

  console            %s
  API                %s
  WhatsApp simulator %s
  its control API    %s
  S3                 %s   bucket %s
%sIn the shell of your program:

  . %s

  aws socialmessaging list-linked-whatsapp-business-accounts
  echo hello > hello.txt && aws s3 cp hello.txt s3://$FERRY_BUCKET/
  aws socialmessaging post-whatsapp-message-media --origination-phone-number-id $FERRY_PHONE_NUMBER_ID \
      --source-s3-file bucketName=$FERRY_BUCKET,key=hello.txt
  ferry send --to +16505551234 --text Hello --wait read
  ferry events tail

Press Ctrl-C to stop.
`, consoleURL(world), world.APIURL, world.SimulatorURL, world.ControlURL, world.S3URL, local.Bucket, seeded(world), shellPath(path))
	defer terminal.onAbort(world.Stop)()
	return world.Wait(ctx)
}

// seeded returns what the seed has added, for a person.
func seeded(world *local.World) tty.Layout {
	var text strings.Builder
	for _, a := range world.SeededAccounts() {
		fmt.Fprintf(&text, "  seed  %s  account %s  %s\n", a.BusinessAccountID, a.AccountID, tty.Clean(a.Name))
		for _, number := range a.Numbers() {
			fmt.Fprintf(&text, "          %s  %s\n", a.PhoneNumbers[number], tty.Clean(number))
		}
	}
	for _, k := range world.SeededKeys() {
		fmt.Fprintf(&text, "  seed  key %s  secret %s  %s\n", k.ID, k.Secret, tty.Clean(k.Name))
	}
	if text.Len() > 0 {
		text.WriteString("\n")
	}
	return tty.Layout("\n" + text.String())
}

// runInWorld runs a program, and closes the world when it has ended. The status of the
// program counts.
func (c *devCommand) runInWorld(ctx context.Context, program string, world *local.World, recent *recentLines, terminal *terminal) error {
	if c.EnvFile != "" {
		_, remove, err := c.writeEnvironment(world.Environment())
		if err != nil {
			return errors.Join(err, world.Close())
		}
		defer remove()
	}
	status := c.runProgram(ctx, program, world, recent, terminal)
	stopped, stop := context.WithCancel(context.WithoutCancel(ctx))
	stop()
	failed := errors.Join(world.Wait(stopped), world.Close())
	if _, isStatus := errors.AsType[exitStatus](status); isStatus || failed == nil {
		if failed != nil {
			terminal.err.Error(failed)
		}
		return status
	}
	return errors.Join(status, failed)
}

// writeEnvironment writes the env file and returns its path. remove removes what it
// has created.
func (c *devCommand) writeEnvironment(variables []local.Variable) (path string, remove func(), err error) {
	text := shellCommands(variables)
	if c.EnvFile != "" {
		return c.EnvFile, func() { _ = os.Remove(c.EnvFile) }, writeEnvFile(c.EnvFile, text)
	}
	directory, err := os.MkdirTemp("", "ferry-*")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(directory) }
	path = filepath.Join(directory, "env")
	if err := writeEnvFile(path, text); err != nil {
		remove()
		return "", nil, err
	}
	return path, remove, nil
}

// writeEnvFile renames a complete file to path, so that a program that waits for
// the file never reads a part of it.
func writeEnvFile(path, text string) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = temporary.WriteString(text)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}

// shellCommands returns commands for a POSIX shell that change the environment.
func shellCommands(variables []local.Variable) string {
	var text strings.Builder
	text.WriteString("# The environment of a running ferry dev, for a shell to source.\n")
	var unset []string
	for _, v := range variables {
		switch {
		case v.Unset:
			unset = append(unset, v.Name)
		case v.Extends:
			other := strings.ToUpper(v.Name)
			if other == v.Name {
				other = strings.ToLower(v.Name)
			}
			fmt.Fprintf(&text, "export %s=%s,\"${%s:-${%s-}}\"\n", v.Name, quote(v.Value), v.Name, other)
		default:
			fmt.Fprintf(&text, "export %s=%s\n", v.Name, quote(v.Value))
		}
	}
	text.WriteString("# These settings would lead AWS SDKs to other credentials.\nunset " + strings.Join(unset, " ") + "\n")
	return text.String()
}

// quote quotes a value for a POSIX shell.
func quote(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }

var plainPath = regexp.MustCompile(`^[A-Za-z0-9_./+,:@-]+$`)

// shellPath returns a path as the argument of a shell's dot command, which searches
// PATH for a name without a slash.
func shellPath(path string) string {
	if !strings.Contains(path, "/") {
		path = "./" + path
	}
	if plainPath.MatchString(path) {
		return path
	}
	return quote(path)
}

// systemRoots returns the PEM file with the certificate authorities that programs on
// this machine trust, or "" if there is none in the usual places.
func systemRoots() string {
	for _, path := range []string{
		cmp.Or(os.Getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt"), // Debian, Alpine
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt", // Fedora
		"/etc/ssl/ca-bundle.pem",           // SUSE
		"/etc/ssl/cert.pem",                // macOS, BSD
	} {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}
