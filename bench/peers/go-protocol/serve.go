// Package protocol is the peers' protocol (bench/peers/README.md) from the side of a Go peer: one JSON request a line in, one JSON answer a
// line out.
package protocol

import (
	"bufio"
	"encoding/json"
	"os"
	"syscall"
)

type answer struct {
	Verdict      string   `json:"verdict"`
	Microseconds *float64 `json:"microseconds"`
}

// calls of a request repeat the verification, so that the answer can say what one cost.
type calls struct{ Calls int }

// Serve answers requests with accepted, or with the error that verify gives, until standard input ends.
func Serve[Request any](accepted string, verify func(*Request) error) {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(answers())
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 1 {
			if out.Encode(judge(line, accepted, verify)) != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func judge[Request any](line []byte, accepted string, verify func(*Request) error) (a answer) {
	defer func() {
		if fault := recover(); fault != nil {
			a = answer{Verdict: "ERR panic"}
		}
	}()
	var request Request
	var repeat calls
	for _, part := range []any{&request, &repeat} {
		if err := json.Unmarshal(line, part); err != nil {
			return answer{Verdict: "ERR " + err.Error()}
		}
	}
	start := processorTime()
	for call := 1; call < repeat.Calls; call++ {
		_ = verify(&request)
	}
	if err := verify(&request); err != nil {
		return answer{Verdict: "ERR " + err.Error()}
	}
	if repeat.Calls > 0 {
		each := (processorTime() - start) / float64(repeat.Calls)
		return answer{accepted, &each}
	}
	return answer{Verdict: accepted}
}

// processorTime is that of this process in microseconds, all threads, garbage collector included.
func processorTime() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1000
}

// answers is standard output, out of reach of the peer, which logs its warnings there.
func answers() *os.File {
	kept, err := syscall.Dup(1)
	if err != nil {
		panic(err)
	}
	if err := syscall.Dup2(2, 1); err != nil {
		panic(err)
	}
	return os.NewFile(uintptr(kept), "answers")
}
