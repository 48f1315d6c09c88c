package flowrpc

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"
)

// NewRequestID makes a UUIDv7 (RFC 9562, 5.7): what makes a repeated request the same request. Its time lets the app
// refuse ids that are older than its memory.
func NewRequestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	random := binary.BigEndian.Uint16(id[6:8])
	binary.BigEndian.PutUint64(id[:8], uint64(time.Now().UnixMilli())<<16|uint64(random&0x0fff|0x7000))
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
