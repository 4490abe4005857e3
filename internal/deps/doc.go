// Package deps keeps the requirements of go.mod, and the budget of what a driver may link, in order.
package deps
