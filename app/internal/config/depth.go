// SPDX-License-Identifier: Apache-2.0

package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Bounds of what is parsed. The parser recurses into whatever nests, and a Go
// program whose stack is used up cannot be saved.
const (
	maxDepth     = 64   // brackets, blocks and templates within each other
	maxOperators = 1000 // in a file, "${" included; each can be a step deeper, or a copy of the text
)

// tooDeep finds the place at which a file nests deeper than a configuration
// does; nil: nowhere. Reading tokens does not recurse.
func tooDeep(src []byte, name string) *hcl.Range {
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos) // the parser tells of what is wrong
	depth, operators := 0, 0
	for i := range tokens {
		switch tokens[i].Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			depth--
		case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
			operators++
		case hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent, hclsyntax.TokenBang, hclsyntax.TokenQuestion,
			hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual,
			hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq:
			operators++
		}
		if depth > maxDepth || operators > maxOperators {
			return &tokens[i].Range
		}
	}
	return nil
}
