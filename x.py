import sys; sys.path.insert(0,'bench')
import os, time, candidates as C, load, rows, figures
os.environ["PATH"]+=":/usr/sbin"; os.sched_setaffinity(0,{1})
p=C.Place()
try:
    with C.Upstream(p) as u, C.Postern(p).start(u.ports["FAST"]) as g:
        count=load.Count(g)
        pids=g.pids()
        for i in range(5):
            b=figures.cpu(pids)
            print(load.wrk_once(g,g.change(),1000,3,count), {k:round(v-b[k],2) for k,v in figures.cpu(pids).items() if v-b[k]>.01}, figures.connections_to(u.port))
        print(g.said()[-1500:])
        g.stop(); count.check()
finally: p.remove()
