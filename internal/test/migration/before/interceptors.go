package main

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

func logCalls(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	start := time.Now()
	slog.InfoContext(ctx, "request", "method", info.FullMethod, "request", request)
	response, err := handler(ctx, request)
	if err != nil {
		slog.ErrorContext(ctx, "call failed",
			"method", info.FullMethod,
			"code", status.Code(err).String(),
			"duration", time.Since(start),
			"error", err,
		)
		return response, err
	}
	slog.InfoContext(ctx, "response",
		"method", info.FullMethod,
		"duration", time.Since(start),
		"response", response,
	)
	return response, nil
}

func recoverPanics(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "panic", "method", info.FullMethod, "value", p, "stack", string(debug.Stack()))
		}
	}()
	return handler(ctx, request)
}
