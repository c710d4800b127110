// Reads one log as JSON on stdin and judges it with Go's own note and tlog packages, which know nothing of Assay. Prints one line for
// each question: "<name> ok" or "<name> refused: <why>".
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type input struct {
	VKey  string
	Note  string
	Old   struct{ Note string }
	Tree  []string          // consistency path, base64
	Tiles map[string]string // "tile/0/000.p/7" -> base64
	Items []struct {
		Index int64
		Entry string   // base64
		Path  []string // base64
		Note  string   // checkpoint of the path
	}
}

func say(name string, err error) {
	if err != nil {
		fmt.Printf("%s refused: %s\n", name, err)
		return
	}
	fmt.Printf("%s ok\n", name)
}

func hashes(texts []string) (out []tlog.Hash) {
	for _, text := range texts {
		h, err := tlog.ParseHash(text)
		if err != nil {
			panic(err)
		}
		out = append(out, h)
	}
	return out
}

func open(text, vkey string) (tree tlog.Tree, err error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tree, err
	}
	n, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(n.Text, "\n")
	if _, err = fmt.Sscanf(lines[1], "%d", &tree.N); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

type tiles map[string]string

func (t tiles) Height() int { return 8 }
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range wanted {
		name := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := base64.StdEncoding.DecodeString(t[name])
		if err != nil || len(data) == 0 {
			return nil, fmt.Errorf("no tile %s", name)
		}
		out = append(out, data)
	}
	return out, nil
}
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func main() {
	var in input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		panic(err)
	}
	head, err := open(in.Note, in.VKey)
	say("checkpoint", err)
	old, err := open(in.Old.Note, in.VKey)
	say("old-checkpoint", err)
	say("consistency", tlog.CheckTree(hashes(in.Tree), head.N, head.Hash, old.N, old.Hash))
	reader := tlog.TileHashReader(head, tiles(in.Tiles))
	for _, item := range in.Items {
		entry, _ := base64.StdEncoding.DecodeString(item.Entry)
		leaf := tlog.RecordHash(entry)
		under, err := open(item.Note, in.VKey)
		if err == nil {
			err = tlog.CheckRecord(hashes(item.Path), under.N, under.Hash, item.Index, leaf)
		}
		say(fmt.Sprintf("inclusion-%d", item.Index), err)
		proof, err := tlog.ProveRecord(under.N, item.Index, reader)
		if err == nil && fmt.Sprint(proof) != fmt.Sprint(tlog.RecordProof(hashes(item.Path))) {
			err = fmt.Errorf("another path")
		}
		say(fmt.Sprintf("tiles-%d", item.Index), err)
	}
}
