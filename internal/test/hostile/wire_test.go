package hostile_test

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// The frames of HTTP/2, and their flags.
const (
	frameData         = 0
	frameHeaders      = 1
	frameReset        = 3
	frameSettings     = 4
	framePing         = 6
	frameGoAway       = 7
	frameContinuation = 9

	flagEndStream  = 1
	flagAck        = 1
	flagEndHeaders = 4
)

// largestFrame is what a server takes unless it says more.
const largestFrame = 16 << 10

// wire is a client that writes HTTP/2 by itself, so that it can do what gRPC's never does. It opens no window: the server may
// send 64 KiB in all, or nothing when it was told so.
type wire struct {
	conn    net.Conn
	writing sync.Mutex

	mu     sync.Mutex
	ended  map[uint32]bool // streams that the server ended
	pings  int             // answers to pings
	goAway bool
	closed bool // by the server
}

// dialWire connects to a driver until the end of the test. It writes settings, as pairs of a number and a value.
func dialWire(t testing.TB, d *harness.Running, settings ...uint32) *wire {
	t.Helper()
	w := newWire(t, d, settings...)
	t.Cleanup(func() { w.conn.Close() })
	return w
}

// newWire does the same until the caller closes the connection.
func newWire(t testing.TB, d *harness.Running, settings ...uint32) *wire {
	t.Helper()
	var conn net.Conn
	var err error
	if d.Listener != nil {
		conn, err = d.Listener.Dial()
	} else {
		conn, err = net.Dial("unix", d.Path)
	}
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{conn: conn, ended: map[uint32]bool{}}
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	var payload []byte
	for i := 0; i < len(settings); i += 2 {
		payload = binary.BigEndian.AppendUint16(payload, uint16(settings[i]))
		payload = binary.BigEndian.AppendUint32(payload, settings[i+1])
	}
	w.frame(frameSettings, 0, 0, payload)
	return w
}

// frame writes a frame. That the server has gone is seen by read.
func (w *wire) frame(kind, flags byte, stream uint32, payload []byte) {
	size := len(payload)
	head := []byte{byte(size >> 16), byte(size >> 8), byte(size), kind, flags, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[5:], stream)
	w.writing.Lock()
	defer w.writing.Unlock()
	_, _ = w.conn.Write(append(head, payload...))
}

// open begins a call of a method; more are pairs of a header and its value.
func (w *wire) open(stream uint32, method string, more ...string) {
	var block []byte
	fields := append([]string{
		":method", "POST", ":scheme", "http", ":path", method, ":authority", "driver", "content-type", "application/grpc", "te", "trailers",
	}, more...)
	for i := 0; i < len(fields); i += 2 {
		block = append(block, 0) // a literal that is not remembered
		block = appendText(appendText(block, fields[i]), fields[i+1])
	}
	kind := byte(frameHeaders)
	for len(block) > largestFrame {
		w.frame(kind, 0, stream, block[:largestFrame])
		kind, block = frameContinuation, block[largestFrame:]
	}
	w.frame(kind, flagEndHeaders, stream, block)
}

// appendText appends a text as headers have it.
func appendText(block []byte, text string) []byte {
	const most = 127 // of the first byte
	if n := len(text); n < most {
		block = append(block, byte(n))
	} else {
		block = binary.AppendUvarint(append(block, most), uint64(n-most))
	}
	return append(block, text...)
}

// send sends a call's message, and ends the caller's side.
func (w *wire) send(t testing.TB, stream uint32, m proto.Message) {
	t.Helper()
	text, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	head := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(text)))
	w.frame(frameData, flagEndStream, stream, append(head, text...))
}

// reset cancels a call.
func (w *wire) reset(stream uint32) { w.frame(frameReset, 0, stream, []byte{0, 0, 0, 8}) }

// read reads what the server sends, and answers its pings, until it closes the connection.
func (w *wire) read() {
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(w.conn, head); err != nil {
			break
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(w.conn, payload); err != nil {
			break
		}
		if head[3] == framePing && head[4]&flagAck == 0 {
			w.frame(framePing, flagAck, 0, payload)
		}
		w.note(head[3], head[4], binary.BigEndian.Uint32(head[5:]))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
}

// note remembers a frame.
func (w *wire) note(kind, flags byte, stream uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case kind == frameReset, kind == frameHeaders && flags&flagEndStream != 0:
		w.ended[stream] = true
	case kind == framePing && flags&flagAck != 0:
		w.pings++
	case kind == frameGoAway:
		w.goAway = true
	}
}

// has waits until something is true of what was read.
func (w *wire) has(t testing.TB, what string, is func(*wire) bool) {
	t.Helper()
	harness.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return is(w)
	}, "no %s", what)
}
