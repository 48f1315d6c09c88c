package flowrpc

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"slices"
	"strconv"
)

// appendHashed appends the bytes that the hash of a value is made of; protos/README.md lists them.
func appendHashed(out []byte, value any) []byte {
	switch value := value.(type) {
	case nil:
		return append(out, 'n')
	case bool:
		if value {
			return append(out, 't')
		}
		return append(out, 'f')
	case int64:
		return append(strconv.AppendInt(append(out, 'i'), value, 16), ';')
	case *big.Int:
		return append(value.Append(append(out, 'i'), 16), ';')
	case float64:
		return binary.BigEndian.AppendUint64(append(out, 'r'), math.Float64bits(value))
	case string:
		return append(appendCount(out, 's', len(value)), value...)
	case []any:
		out = appendCount(out, 'l', len(value))
		for _, item := range value {
			out = appendHashed(out, item)
		}
		return out
	case *Map:
		out = appendCount(out, 'd', value.Len())
		for key, item := range value.All() {
			out = appendHashed(appendHashed(out, key), item)
		}
		return out
	case Extension:
		return appendHashed(appendHashed(append(out, 'x'), value.TypeName), value.Content)
	default:
		panic("flowrpc: only values are hashed") // the reader of messages makes no others
	}
}

func appendCount(out []byte, tag byte, count int) []byte {
	return append(strconv.AppendInt(append(out, tag), int64(count), 10), ':')
}

// digests remembers the hashes of what did not change, so that a change costs hashing one var.
type digests struct {
	whole [sha256.Size]byte
	known bool
	vars  map[string][sha256.Size]byte
}

func (d *digests) forget(name string) {
	d.known = false
	delete(d.vars, name)
}

func (d *digests) of(component *Component) [sha256.Size]byte {
	if d.known {
		return d.whole
	}
	content := appendHashed(nil, component.head())
	for name, value := range component.Vars.All() {
		digest, known := d.vars[name]
		if !known {
			digest = sha256.Sum256(appendHashed(appendHashed(nil, name), value))
			d.vars[name] = digest
		}
		content = append(content, digest[:]...)
	}
	d.whole, d.known = sha256.Sum256(content), true
	return d.whole
}

func (c *Component) head() []any {
	head := []any{c.Name, c.Kind, c.Type, nil}
	if c.Recipe != nil {
		head[3] = []any{c.Recipe.Type, c.Recipe.Args, c.Recipe.Kwargs}
	}
	return head
}

// stateHash hashes components in the order of their names' UTF-8 bytes, which is how Go compares text.
func stateHash(tree *tree) string {
	names := slices.Clone(tree.names)
	slices.Sort(names)
	var content []byte
	for _, name := range names {
		node := tree.nodes[name]
		digest := node.digests.of(&node.Component)
		content = append(content, digest[:]...)
	}
	whole := sha256.Sum256(content)
	return hex.EncodeToString(whole[:])
}
