package flowrpc

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

var token = regexp.MustCompile(`^[\x21-\x7e]+$`)

// entry is what a running app writes into its data directory and into the run directory of its user.
type entry struct {
	Name      string `json:"name"`
	Address   string `json:"address"`
	DataDir   string `json:"data_dir"`
	PID       int    `json:"pid"`
	TokenFile string `json:"token_file"`
}

// find completes the options: address, token and data directory of the one app that fits.
func find(options Options) (Options, error) {
	if options.Address != "" {
		return options, nil
	}
	found, err := findEntry(options)
	if err != nil {
		return options, err
	}
	options.Address, options.DataDir = found.Address, found.DataDir
	if options.TokenFile == "" {
		options.TokenFile = found.TokenFile
	}
	return options, nil
}

func findEntry(options Options) (entry, error) {
	if options.DataDir != "" {
		found, running := readEntry(filepath.Join(options.DataDir, "app.json"))
		if !running {
			return entry{}, fmt.Errorf("%w: no app runs on data directory %s", ErrNotFound, options.DataDir)
		}
		return found, nil
	}
	files, err := filepath.Glob(filepath.Join(runDirectory(), "*.json"))
	if err != nil {
		return entry{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	var fitting []entry
	var names []string
	for _, file := range files {
		if found, running := readEntry(file); running && (options.App == "" || options.App == found.Name) {
			fitting, names = append(fitting, found), append(names, found.Name)
		}
	}
	switch len(fitting) {
	case 0:
		return entry{}, fmt.Errorf("%w: start one with `flowctl run APP.py`, or give an address and a token file", ErrNotFound)
	case 1:
		return fitting[0], nil
	default:
		return entry{}, fmt.Errorf("%w: several fit: %s; name one by App or DataDir", ErrNotFound, strings.Join(names, ", "))
	}
}

func runDirectory() string {
	if chosen := os.Getenv("FLOWRPC_RUN_DIR"); chosen != "" {
		return chosen
	}
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); runtime != "" {
		return filepath.Join(runtime, "flowrpc")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("flowrpc-%d", os.Geteuid()))
}

// readEntry reads an entry, and tells whether it is ours alone and its process runs.
func readEntry(path string) (entry, bool) {
	var read entry
	content, err := readPrivate(path)
	if err != nil || json.Unmarshal(content, &read) != nil || read.PID <= 0 {
		return read, false
	}
	err = syscall.Kill(read.PID, 0)
	return read, err == nil || err == syscall.EPERM
}

// readPrivate reads a file that belongs to this user and that nobody else may read.
func readPrivate(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	facts, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if facts.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is open to other users; run `chmod 600 %s`", path, path)
	}
	if owner, known := facts.Sys().(*syscall.Stat_t); known && int(owner.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("%s belongs to another user", path)
	}
	content := make([]byte, 64*1024)
	count, err := file.Read(content)
	return content[:count], err
}

// token returns what the options prove themselves with; empty without one.
func (o Options) token() (string, error) {
	text := o.Token
	if text == "" && o.TokenFile != "" {
		content, err := readPrivate(o.TokenFile)
		if err != nil {
			return "", fmt.Errorf("token file: %w", err)
		}
		text = strings.TrimSpace(string(content))
	}
	if text == "" {
		return "", nil
	}
	if !token.MatchString(text) {
		return "", fmt.Errorf("the token has characters that none has")
	}
	if o.TLS == nil && !loopback(o.Address) {
		return "", fmt.Errorf("%s is not on this host: its token is only sent encrypted; give TLS", o.Address)
	}
	return text, nil
}

func loopback(address string) bool {
	if strings.HasPrefix(address, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
