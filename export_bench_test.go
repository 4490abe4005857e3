package gocosi

// NewStage makes a chain of a single stage, by its name; of none for any other name. The caller owes a Close.
func NewStage(name string, options ...Option) (Chain, error) {
	c, err := NewChain(options...)
	if err != nil {
		return Chain{}, err
	}
	ch := c.chain
	stages := map[string]stage{
		"logged":     ch.logged,
		"answered":   ch.answered,
		"recovered":  ch.recovered,
		"checked":    ch.checked,
		"serialized": ch.serialized,
		"limited":    ch.limited,
	}
	ch.stages = nil
	if s := stages[name]; s != nil {
		ch.stages = []stage{s}
	}
	return c, nil
}
