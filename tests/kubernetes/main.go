// Has Kubernetes itself judge a manifest, without a cluster: `go run . <manifest.yaml` prints what it found as JSON.
//
// Each object goes the way it has in an API server: it is decoded strictly, given its defaults, and validated by the
// strategy that its kind has for creation. The pods are held to the standard `restricted`. Then the Job controller runs
// the job, and pods end with the exit codes of each case in `cases`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/testing"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	core "k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	controller "k8s.io/kubernetes/pkg/controller/job"
	"k8s.io/kubernetes/pkg/registry/batch/job"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/secret"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/networking/networkpolicy"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

const within = 30 * time.Second

// end is the exit code of the pod of an index.
type end struct {
	Index int `json:"index"`
	Code  int `json:"code"`
}

// Pods that a case does not name run on.
var cases = map[string][]end{
	"the run passed":                {{0, 0}},
	"a threshold was crossed":       {{0, 99}},
	"the run is invalid":            {{0, 111}},
	"a node ends with 1, then pass": {{1, 1}, {0, 0}},
	"a node was killed, then pass":  {{1, 137}, {0, 0}},
	"a node was killed, then fail":  {{1, 137}, {0, 99}},
	"a node failed, then pass":      {{1, 100}, {0, 0}},
	"nodes end with a pass":         {{1, 0}, {2, 0}, {0, 0}},
	"pod 0 was killed, nodes end":   {{0, 137}, {1, 0}, {2, 0}, {3, 0}},
}

type verdict struct {
	Condition string `json:"condition"`
	Reason    string `json:"reason"`
	Pods      int    `json:"pods"`
}

type found struct {
	Problems []string           `json:"problems"`
	Job      *batchv1.JobSpec   `json:"job"`
	Cases    map[string]verdict `json:"cases"`
}

var strategies = map[string]rest.RESTCreateStrategy{
	"ConfigMap":     configmap.Strategy,
	"Secret":        secret.Strategy,
	"Service":       service.Strategy,
	"NetworkPolicy": networkpolicy.Strategy,
	"Job":           job.Strategy,
}

func main() {
	document, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	said := found{Problems: []string{}, Cases: map[string]verdict{}}
	reader := yaml.NewDocumentDecoder(io.NopCloser(strings.NewReader(string(document))))
	buffer := make([]byte, len(document)+1)
	for {
		size, err := reader.Read(buffer)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		object, problems := accepted(buffer[:size])
		said.Problems = append(said.Problems, problems...)
		one, is := object.(*batchv1.Job)
		if !is || len(problems) > 0 {
			continue
		}
		said.Job = &one.Spec
		said.Problems = append(said.Problems, unrestricted(one)...)
		for name, ends := range cases {
			said.Cases[name] = run(one, ends)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		log.Fatal(err)
	}
}

// accepted decodes an object, gives it its defaults, and validates it as an API server does before it stores it.
func accepted(document []byte) (runtime.Object, []string) {
	codecs := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)
	object, kind, err := codecs.UniversalDeserializer().Decode(document, nil, nil)
	if err != nil {
		return nil, []string{err.Error()}
	}
	legacyscheme.Scheme.Default(object)
	internal, err := legacyscheme.Scheme.ConvertToVersion(object, schema.GroupVersion{Group: kind.Group, Version: runtime.APIVersionInternal})
	if err != nil {
		return nil, []string{err.Error()}
	}
	strategy, known := strategies[kind.Kind]
	if !known {
		return nil, []string{"a kind that is not expected: " + kind.Kind}
	}
	about, err := meta.Accessor(internal)
	if err != nil {
		return nil, []string{err.Error()}
	}
	rest.FillObjectMetaSystemFields(about)
	if one, is := internal.(*core.Service); is {
		// What stores services does this before they are validated.
		one.Spec.ClusterIPs = []string{one.Spec.ClusterIP}
	}
	context := request.WithNamespace(request.NewContext(), about.GetNamespace())
	context = request.WithRequestInfo(context, &request.RequestInfo{
		APIGroup: kind.Group, APIVersion: kind.Version, Namespace: about.GetNamespace(), Verb: "create",
	})
	var problems []string
	if err := rest.BeforeCreate(strategy, context, internal); err != nil {
		problems = append(problems, kind.Kind+": "+err.Error())
	}
	for _, warning := range strategy.WarningsOnCreate(context, internal) {
		problems = append(problems, kind.Kind+": "+warning)
	}
	stored, err := legacyscheme.Scheme.ConvertToVersion(internal, kind.GroupVersion())
	if err != nil {
		return nil, append(problems, err.Error())
	}
	return stored, problems
}

// unrestricted says what the pod security standard `restricted` forbids of a job's pods.
func unrestricted(of *batchv1.Job) []string {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		log.Fatal(err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	template := of.Spec.Template
	var problems []string
	for _, result := range evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec) {
		if !result.Allowed {
			problems = append(problems, "restricted: "+result.ForbiddenReason+": "+result.ForbiddenDetail)
		}
	}
	return problems
}

// run has the Job controller run a job whose pods end like this, and says what becomes of it.
func run(of *batchv1.Job, ends []end) verdict {
	background, cancel := context.WithCancel(context.Background())
	defer cancel()
	client := fake.NewClientset()
	made := 0
	client.PrependReactor("create", "pods", func(action testing.Action) (bool, runtime.Object, error) {
		pod := action.(testing.CreateAction).GetObject().(*corev1.Pod)
		made++
		pod.Name = pod.GenerateName + strconv.Itoa(made)
		pod.UID = types.UID(pod.Name)
		return false, nil, nil
	})
	shared := informers.NewSharedInformerFactory(client, 0)
	jobs, err := controller.NewController(background, shared.Core().V1().Pods(), shared.Batch().V1().Jobs(), client)
	if err != nil {
		log.Fatal(err)
	}
	shared.Start(background.Done())
	shared.WaitForCacheSync(background.Done())
	go jobs.Run(background, 1)

	mine := of.DeepCopy()
	if _, err := client.BatchV1().Jobs(mine.Namespace).Create(background, mine, metav1.CreateOptions{}); err != nil {
		log.Fatal(err)
	}
	pods := client.CoreV1().Pods(mine.Namespace)
	all := int(*mine.Spec.Completions)
	running := map[int]*corev1.Pod{}
	until("all pods are there", func() bool {
		list, err := pods.List(background, metav1.ListOptions{})
		if err != nil {
			log.Fatal(err)
		}
		for number := range list.Items {
			pod := &list.Items[number]
			index, err := strconv.Atoi(pod.Annotations[batchv1.JobCompletionIndexAnnotation])
			if err != nil {
				log.Fatal(err)
			}
			running[index] = pod
		}
		return len(running) == all
	})
	for index := range all {
		status(background, client, running[index], corev1.PodStatus{Phase: corev1.PodRunning})
	}
	for _, each := range ends {
		phase := corev1.PodFailed
		if each.Code == 0 {
			phase = corev1.PodSucceeded
		}
		terminated := &corev1.ContainerStateTerminated{ExitCode: int32(each.Code), FinishedAt: metav1.Now()}
		status(background, client, running[each.Index], corev1.PodStatus{
			Phase:             phase,
			ContainerStatuses: []corev1.ContainerStatus{{Name: "loadcore", State: corev1.ContainerState{Terminated: terminated}}},
		})
	}
	said := verdict{}
	until("the job has ended", func() bool {
		now, err := client.BatchV1().Jobs(mine.Namespace).Get(background, mine.Name, metav1.GetOptions{})
		if err != nil {
			log.Fatal(err)
		}
		for _, condition := range now.Status.Conditions {
			ended := condition.Type == batchv1.JobComplete || condition.Type == batchv1.JobFailed
			if ended && condition.Status == corev1.ConditionTrue {
				said.Condition, said.Reason = string(condition.Type), condition.Reason
			}
		}
		return said.Condition != ""
	})
	said.Pods = made
	return said
}

func status(in context.Context, client *fake.Clientset, pod *corev1.Pod, becomes corev1.PodStatus) {
	pods := client.CoreV1().Pods(pod.Namespace)
	now, err := pods.Get(in, pod.Name, metav1.GetOptions{})
	if err != nil {
		log.Fatal(err)
	}
	now.Status = becomes
	if _, err := pods.UpdateStatus(in, now, metav1.UpdateOptions{}); err != nil {
		log.Fatal(err)
	}
}

func until(what string, holds func() bool) {
	err := wait.PollUntilContextTimeout(context.Background(), 20*time.Millisecond, within, true,
		func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		fmt.Fprintln(os.Stderr, "not within the time: "+what)
	}
}
