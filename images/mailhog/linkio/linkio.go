// Package linkio lets bytes pass at no more than a rate.
//
// MailHog asks its own chaos monkey, Jim, how fast a connection may be, and imports a package of this name for it. That
// one carries no licence, so that no module proxy gives it; this one has what MailHog calls, and nothing of the other's.
package linkio

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Throughput is a rate in bits per second.
type Throughput float64

// Units of rates.
const (
	BitPerSecond  Throughput = 1
	BytePerSecond            = 8 * BitPerSecond
)

// most is how many bytes pass at a time, so that a slow link is slow throughout and not in jerks.
const most = 512

// String returns the rate as text, in bytes.
func (t Throughput) String() string {
	return fmt.Sprintf("%.0f B/s", float64(t/BytePerSecond))
}

// Link is a connection whose two directions share a rate.
type Link struct {
	rate Throughput

	mutex sync.Mutex
	free  time.Time
}

// NewLink returns a link of a rate; one of nothing or less does not limit.
func NewLink(rate Throughput) *Link {
	return &Link{rate: rate}
}

// NewLinkReader returns a reader that takes its bytes at the link's rate.
func (l *Link) NewLinkReader(source io.Reader) io.Reader {
	return reader{l, source}
}

// NewLinkWriter returns a writer that gives its bytes at the link's rate.
func (l *Link) NewLinkWriter(target io.Writer) io.Writer {
	return writer{l, target}
}

// pass waits until the link has carried what came before, and takes it for some bytes more.
func (l *Link) pass(bytes int) {
	if l.rate <= 0 || bytes <= 0 {
		return
	}
	l.mutex.Lock()
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(bytes) * float64(BytePerSecond/l.rate) * float64(time.Second)))
	until := l.free
	l.mutex.Unlock()
	time.Sleep(time.Until(until))
}

type reader struct {
	link   *Link
	source io.Reader
}

func (r reader) Read(into []byte) (int, error) {
	if len(into) > most {
		into = into[:most]
	}
	count, err := r.source.Read(into)
	r.link.pass(count)
	return count, err
}

type writer struct {
	link   *Link
	target io.Writer
}

func (w writer) Write(content []byte) (int, error) {
	done := 0
	for done < len(content) {
		piece := content[done:]
		if len(piece) > most {
			piece = piece[:most]
		}
		w.link.pass(len(piece))
		count, err := w.target.Write(piece)
		done += count
		if err != nil {
			return done, err
		}
	}
	return done, nil
}
