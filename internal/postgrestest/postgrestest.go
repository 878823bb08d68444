// Package postgrestest starts PostgreSQL servers for tests: each in a directory of its
// own, as a user without rights, with the programs of a package of the system. No
// server is left behind, even if the process of the tests is killed.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// User is the superuser of a server, and Password its password, which connections by
	// TCP need.
	User     = "ferry"
	Password = "canary-postgres-7c1e"

	// startTimeout bounds how long a server may take to start, and stopTimeout to stop.
	startTimeout = time.Minute
	stopTimeout  = 10 * time.Second
)

// ErrMissing says that PostgreSQL is not installed.
var ErrMissing = errors.New("PostgreSQL is not installed; 'make system' installs it")

// Config configures a Server.
type Config struct {
	// TCP makes the server listen on a port of 127.0.0.1, not only on a Unix socket.
	TCP bool
	// Settings are settings of the server, "name=value".
	Settings []string
	// Files are files in the directory of the server, by name, for settings such as
	// ssl_cert_file.
	Files map[string][]byte
}

// Server is a PostgreSQL server.
type Server struct {
	Directory string // of the server; the Unix socket is there, too
	Port      int    // of TCP, and in the name of the Unix socket

	config   Config
	programs string // directory of initdb and postgres
	owner    *account
	keeper   *exec.Cmd // the shell that ends the server with this process; nil means that it is not running
	alive    *os.File  // the keeper ends when it is closed
}

// Start creates a server and starts it. It returns ErrMissing if there is none on this
// machine.
func Start(ctx context.Context, config Config) (*Server, error) {
	programs, err := findPrograms()
	if err != nil {
		return nil, err
	}
	s := &Server{Port: 5432, config: config, programs: programs, owner: owner()}
	if err := s.create(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.Directory))
	}
	return s, s.Start(ctx)
}

// findPrograms returns the directory with the programs of PostgreSQL. Packages of Debian
// do not put initdb on the PATH.
func findPrograms() (string, error) {
	const pattern = "/usr/lib/postgresql/*/bin/initdb"
	found, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	newest, best := 0, ""
	for _, path := range found {
		if version, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))); err == nil && version > newest {
			newest, best = version, filepath.Dir(path)
		}
	}
	if best != "" {
		return best, nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", fmt.Errorf("%w (there is no %s, and no initdb on the PATH)", ErrMissing, pattern)
	}
	return filepath.Dir(path), nil
}

// create makes the directory of the server.
func (s *Server) create(ctx context.Context) (err error) {
	if s.Directory, err = os.MkdirTemp("/tmp", "ferry-postgres-*"); err != nil { // the path of a Unix socket must be short
		return err
	}
	if err := os.WriteFile(s.path("password"), []byte(Password), 0o600); err != nil {
		return err
	}
	for name, data := range s.config.Files {
		if err := os.WriteFile(s.path(name), data, 0o600); err != nil {
			return err
		}
	}
	if s.owner != nil {
		for _, path := range append([]string{".", "password"}, keys(s.config.Files)...) {
			if err := os.Chown(s.path(path), int(s.owner.Uid), int(s.owner.Gid)); err != nil {
				return err
			}
		}
	}
	initdb := exec.CommandContext(ctx, filepath.Join(s.programs, "initdb"), "--pgdata", s.path("data"), "--username", User, "--pwfile", s.path("password"),
		"--auth-local", "trust", "--auth-host", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	initdb.Dir = s.Directory
	initdb.SysProcAttr = s.owner.attributes(false)
	if output, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	if s.config.TCP {
		s.Port, err = freePort()
	}
	return err
}

func keys(files map[string][]byte) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	return names
}

func (s *Server) path(name string) string { return filepath.Join(s.Directory, name) }

// freePort returns a port that nobody uses at the moment.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// keep starts the server and waits for the end of its standard input, which is the end of
// the process that started it. Then it stops the server and removes its directory. A
// line on its standard input makes it end without that.
const keep = `
"$@" >>log 2>&1 </dev/null &
server=$!
read -r line && exit
kill -QUIT $server
wait $server
cd / && rm -rf "$OLDPWD"
`

// Start starts the server after Kill, and waits until it responds.
func (s *Server) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if err := s.start(); err != nil {
			return err
		}
		err := s.ping(ctx)
		for ; err != nil && ctx.Err() == nil && !s.hasFailed(); err = s.ping(ctx) {
			time.Sleep(10 * time.Millisecond)
		}
		if err == nil {
			return nil
		}
		s.release()
		log, _ := os.ReadFile(s.path("log"))
		if ctx.Err() != nil || !strings.Contains(string(log), "shared memory block") { // which processes of a killed server still use
			return errors.Join(fmt.Errorf("PostgreSQL does not start: %w\n%s", err, log), os.RemoveAll(s.Directory))
		}
		if err := s.removeLog(); err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// start starts the keeper, which starts the server.
func (s *Server) start() error {
	input, alive, err := os.Pipe()
	if err != nil {
		return err
	}
	arguments := []string{"-c", keep, "keep", filepath.Join(s.programs, "postgres"), "-D", "data",
		"-c", "unix_socket_directories=" + s.Directory, "-c", "port=" + strconv.Itoa(s.Port), "-c", "listen_addresses=",
		"-c", "max_connections=200", "-c", "shared_buffers=32MB", "-c", "fsync=off"} // a killed process loses nothing that the kernel has
	if s.config.TCP {
		arguments = append(arguments, "-c", "listen_addresses=127.0.0.1")
	}
	for _, setting := range s.config.Settings {
		arguments = append(arguments, "-c", setting)
	}
	keeper := exec.CommandContext(context.Background(), "/bin/sh", arguments...) // Close ends it, and so does the end of this process
	keeper.Dir, keeper.Stdin = s.Directory, input
	keeper.SysProcAttr = s.owner.attributes(true) // signals of a terminal are not for it
	if err := keeper.Start(); err != nil {
		return errors.Join(err, input.Close(), alive.Close())
	}
	s.keeper, s.alive = keeper, alive
	return input.Close()
}

func (s *Server) ping(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// process returns the process id of the server; 0 means that it has not started, or has ended.
func (s *Server) process() int {
	text, err := os.ReadFile(s.path("data/postmaster.pid"))
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	id, err := strconv.Atoi(line)
	if err != nil || !isRunning(id) {
		return 0
	}
	return id
}

// hasFailed reports whether the server has ended instead of becoming ready.
func (s *Server) hasFailed() bool {
	log, _ := os.ReadFile(s.path("log"))
	return s.process() == 0 && strings.Contains(string(log), "FATAL")
}

// release ends the keeper, without the server.
func (s *Server) release() {
	if s.keeper == nil {
		return
	}
	_, _ = io.WriteString(s.alive, "released\n")
	_ = s.alive.Close()
	_ = s.keeper.Wait()
	s.keeper, s.alive = nil, nil
}

// Kill ends the server at once, as a crash of its machine does: by SIGKILL. What was
// committed is on the disk. Start starts it again.
func (s *Server) Kill() error { return s.end(kill) }

// Shutdown stops the server as 'pg_ctl stop --mode fast' does: it ends all connections and
// writes everything to the disk. Start starts it again.
func (s *Server) Shutdown() error { return s.end(interrupt) }

// end ends the process of the server with a signal, and waits for its end.
func (s *Server) end(signal func(process int) error) error {
	process := s.process()
	if process == 0 {
		return errors.New("the server is not running")
	}
	if err := signal(process); err != nil {
		return err
	}
	s.release()
	for end := time.Now().Add(stopTimeout); s.process() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("process %d does not end", process)
		}
	}
	return s.removeLog()
}

// removeLog makes the next server begin a log of its own. Processes of a killed server,
// which end later than it, write to the one that was removed.
func (s *Server) removeLog() error { return os.Remove(s.path("log")) }

// Stop ends the server and removes its directory.
func (s *Server) Stop() error {
	if s.keeper == nil {
		return os.RemoveAll(s.Directory)
	}
	err := s.alive.Close()
	_ = s.keeper.Wait()
	s.keeper = nil
	return err
}

// URL returns the URL of a database, by the Unix socket, which needs no password.
func (s *Server) URL(database string) string {
	return (&url.URL{Scheme: "postgres", User: url.User(User), Path: "/" + database,
		RawQuery: url.Values{"host": {s.Directory}, "port": {strconv.Itoa(s.Port)}}.Encode()}).String()
}

// TCPURL returns the URL of a database, by TCP.
func (s *Server) TCPURL(database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", User, Password, s.Port, database)
}

// CreateDatabase creates a database.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	return errors.Join(err, conn.Close(ctx))
}

// Query returns the first column of the rows of a query, as text.
func (s *Server) Query(ctx context.Context, database, query string) (texts []string, err error) {
	conn, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	rows, err := conn.Query(ctx, query, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) { return string(row.RawValues()[0]), nil })
}
