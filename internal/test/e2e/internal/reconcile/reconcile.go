// Package reconcile drives a listener of the released COSI controller or sidecar with the API server's events. It
// replaces their own loop, which no registry serves, and behaves in the same way: it has 40 workers, runs one operation
// at a time on an object with the object's latest state, and retries an error indefinitely, after 100 ms at first and
// after 30 s at most.
package reconcile

import (
	"context"
	"reflect"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

const (
	workers  = 40
	firstTry = 100 * time.Millisecond
	lastTry  = 30 * time.Second
	resync   = 30 * time.Second
)

// Object is satisfied by a pointer to a resource.
type Object interface {
	metav1.Object
	runtime.Object
}

// Listener handles one kind of object. The released packages implement it.
type Listener[T Object] interface {
	Add(ctx context.Context, added T) error
	Update(ctx context.Context, before, after T) error
	Delete(ctx context.Context, deleted T) error
}

// operation describes work on an object.
type operation[T Object] struct {
	object  T
	deleted bool
}

// loop holds the pending operations, and the state of each object when the listener last succeeded.
type loop[T Object] struct {
	listener Listener[T]
	queue    workqueue.TypedRateLimitingInterface[types.UID]
	mu       sync.Mutex
	pending  map[types.UID]*operation[T]
	handled  map[types.UID]T
}

// Run watches objects of one kind and calls the listener until ctx ends.
func Run[T Object](ctx context.Context, source cache.ListerWatcher, example T, listener Listener[T]) error {
	l := &loop[T]{
		listener: listener,
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[types.UID](firstTry, lastTry)),
		pending: map[types.UID]*operation[T]{},
		handled: map[types.UID]T{},
	}
	informer := cache.NewSharedInformer(source, example, resync)
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { l.enqueue(o, false) },
		UpdateFunc: func(_, o any) { l.enqueue(o, false) },
		DeleteFunc: func(o any) { l.enqueue(o, true) },
	})
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for l.next(ctx) {
			}
		})
	}
	informer.Run(ctx.Done())
	l.queue.ShutDown()
	group.Wait()
	return nil
}

// enqueue queues the latest state of an object, unless the listener has already handled that state.
func (l *loop[T]) enqueue(event any, deleted bool) {
	if last, ok := event.(cache.DeletedFinalStateUnknown); ok {
		event = last.Obj
	}
	object, ok := event.(T)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	handled, ok := l.handled[object.GetUID()]
	if ok && !deleted && reflect.DeepEqual(handled, object) {
		return
	}
	l.pending[object.GetUID()] = &operation[T]{object: object, deleted: deleted}
	l.queue.Add(object.GetUID())
}

// next handles an object. The queue never gives one object to two workers at once.
func (l *loop[T]) next(ctx context.Context) bool {
	uid, closed := l.queue.Get()
	if closed {
		return false
	}
	defer l.queue.Done(uid)
	l.mu.Lock()
	op, before := l.pending[uid], l.handled[uid]
	l.mu.Unlock()
	if op == nil {
		return true
	}
	if err := l.handle(ctx, op, before); err != nil {
		klog.ErrorS(err, "will be retried", "object", klog.KObj(op.object), "retries", l.queue.NumRequeues(uid))
		l.queue.AddRateLimited(uid)
		return true
	}
	l.queue.Forget(uid)
	l.finish(uid, op)
	return true
}

func (l *loop[T]) handle(ctx context.Context, op *operation[T], before T) error {
	var never T
	switch {
	case op.deleted:
		return l.listener.Delete(ctx, op.object)
	case any(before) == any(never):
		return l.listener.Add(ctx, op.object)
	default:
		return l.listener.Update(ctx, before, op.object)
	}
}

// finish forgets an operation that succeeded, unless a later one has replaced it.
func (l *loop[T]) finish(uid types.UID, op *operation[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if op.deleted {
		delete(l.handled, uid)
	} else {
		l.handled[uid] = op.object
	}
	if l.pending[uid] == op {
		delete(l.pending, uid)
	}
}
