"""Training with differential privacy (DP-SGD; Abadi et al. 2016), of records or of patients.

A step draws every unit of the target's members by itself at one constant rate (`sampling`), adds up
each unit's gradient over all its records and clips it (`clipping`; for networks of dense layers
without ever forming it, `dense`), adds Gaussian noise to the sum of the units (`noise`), and
divides by the batch that is expected: a constant. Optimiser, weight decay and moving average come
after that (`stack`). What is promised is found once for a run (`terms`).
"""
